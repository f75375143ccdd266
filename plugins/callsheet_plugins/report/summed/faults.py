"""What could not be read, a sentence for each kind of fault, with the runs that have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callsheet.errors import listed

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import Report

MOST = 100


@dataclass(frozen=True)
class Fault:
    """`of` names the runs; it is empty for what is of no run alone."""

    said: str
    of: str = ""


def faults(report: Report) -> Sequence[Fault]:
    """Those of the report, then those of its runs; equal ones of several runs are one."""
    runs: dict[str, list[str]] = {}
    for run in report.runs:
        for said in run.faults:
            runs.setdefault(said, []).append(run.label)
    found = [Fault(said) for said in report.faults]
    found += [Fault(said, listed(of)) for said, of in runs.items()]
    more = [Fault(f"{len(found) - MOST:,} more faults are left out.")] if len(found) > MOST else []
    return [*found[:MOST], *more]
