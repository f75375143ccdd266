"""The attempts of a run: each time that it was started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from callsheet_plugins.report.reading.lines import whole
from callsheet_plugins.report.telling.times import seconds_of


@dataclass(frozen=True)
class Attempt:
    """One start of a run. Times are seconds since 1970; `ended` is None of one that was killed, or goes on."""

    number: int
    started: float | None
    ended: float | None
    status: str
    step: int | None
    host: str
    pid: int | None = None
    slurm_job: str = ""


def attempts(record: Mapping[str, Any]) -> list[Attempt]:
    """Those that `run.json` lists, oldest first."""
    rows = record.get("attempts")
    return [_attempt(number, row) for number, row in enumerate(rows if isinstance(rows, list) else (), 1)]


def _attempt(number: int, row: Mapping[str, Any]) -> Attempt:
    return Attempt(
        number,
        seconds_of(row.get("started")),
        seconds_of(row.get("ended")),
        str(row.get("status") or ""),
        whole(row.get("step")),
        str(row.get("host") or ""),
        whole(row.get("pid")),
        str(row.get("slurm_job") or ""),
    )
