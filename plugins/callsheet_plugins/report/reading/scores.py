"""The scores of a run, from `evals.jsonl`: one for each metric, benchmark, kind of weights and step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from callsheet.disk.inside import Inside
from callsheet.results import RAW
from callsheet.rundir.rundir import EVALS
from callsheet_plugins.report.reading.lines import Log, Say, whole
from callsheet_plugins.report.telling.times import seconds_of

MOST = 20_000  # scores of a run
MOST_BYTES = 256 << 20


@dataclass(frozen=True)
class Score:
    """One number that a benchmark gave. `time` is in seconds since 1970; `predictions` a path below the run.

    `parts` are the metrics of single tasks, by task; the first score of a row has them.
    """

    benchmark: str
    metric: str
    weights: str
    step: int | None
    value: float
    time: float | None = None
    commit: str | None = None
    predictions: str | None = None
    benchmark_id: str = ""
    seconds: float | None = None
    parts: Mapping[str, Mapping[str, float]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def label(self) -> str:
        """What a user types, such as `gsm8k.exact_match`, or `gsm8k.exact_match@bema`."""
        return f"{self.benchmark}.{self.metric}{'' if self.weights == RAW else f'@{self.weights}'}"

    @property
    def order(self) -> float:
        """Its step; a score without one is that of the final model, and comes last."""
        return math.inf if self.step is None else self.step


def scores(inside: Inside, say: Say) -> list[Score]:
    """Oldest first; of one key, that is benchmark, weights and step, the last row counts. Of very many, the newest."""
    kept: dict[tuple[Any, ...], list[Score]] = {}
    log = Log(inside, EVALS, say, MOST_BYTES)
    for row in log.rows():
        if isinstance(row.get("name"), str) and isinstance(row.get("metrics"), Mapping):
            made = [*_scores(row)]
            key = (row["name"], _text(row, "benchmark_id") or row["name"], weights_of(row), whole(row.get("step")))
            kept.pop(key, None)
            kept[key] = made
        else:
            log.left_out()
    if (more := len(kept) - MOST) > 0:
        say(f"{EVALS} has {len(kept):,} scores; the first {more:,} are left out.")
    return [score for found in [*kept.values()][-MOST:] for score in found]


def _scores(row: Mapping[str, Any]) -> Iterator[Score]:
    parts = _parts(row)
    for metric, value in row["metrics"].items():
        number = _number(value)
        if number is not None:
            yield Score(
                row["name"],
                metric,
                weights_of(row),
                whole(row.get("step")),
                number,
                time=seconds_of(row.get("time")),
                commit=_text(row, "commit"),
                predictions=_text(row, "predictions"),
                benchmark_id=_text(row, "benchmark_id") or row["name"],
                seconds=_number(row["eval_seconds"]) if row.get("eval_seconds") is not None else None,
                parts=parts,
            )
            parts = {}


def _parts(row: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """The numbers of single tasks; of a task that is called like the benchmark, they are its own."""
    found = row.get("breakdowns")
    tasks = found.items() if isinstance(found, Mapping) else ()
    return {
        task: {name: number for name, value in metrics.items() if (number := _number(value)) is not None}
        for task, metrics in tasks
        if isinstance(metrics, Mapping) and task != row["name"]
    }


def weights_of(row: Mapping[str, Any]) -> str:
    """The kind of weights that a row of evals.jsonl is about: old ones say it in their tags."""
    tags = row.get("tags")
    return str(row.get("weights") or (tags.get("weights") if isinstance(tags, Mapping) else None) or RAW)


def _number(value: Any) -> float | None:
    """Null is NaN, and text that is a number is one, since 0.1 wrote some so."""
    try:
        return math.nan if value is None else float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _text(row: Mapping[str, Any], name: str) -> str | None:
    return value if isinstance(value := row.get(name), str) and value else None
