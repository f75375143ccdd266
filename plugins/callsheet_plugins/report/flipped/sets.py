"""The answers to each benchmark, ready for the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from callsheet_plugins.report.flipped.asked import asked
from callsheet_plugins.report.flipped.carried import carried, counts
from callsheet_plugins.report.flipped.columns import Column, columns
from callsheet_plugins.report.flipped.pairs import Pair, main_pair, pairs
from callsheet_plugins.report.scored.answered import Answers
from callsheet_plugins.report.scored.metrics import Metric, Scored, direction

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import Report

MOST = 8  # benchmarks
MOST_BYTES = 400_000  # of all texts


@dataclass
class Set:
    """One benchmark by one metric. `content` is for the script of the page, `flips` for a table without it."""

    name: str
    content: dict[str, Any]
    flips: list[list[Any]]
    notes: list[str] = field(default_factory=list)


def sets(found: Mapping[Metric, Sequence[Scored]], report: Report, answers: Answers) -> tuple[list[Set], int]:
    """Of each benchmark, the first metric whose answers are there; and how many benchmarks are left out."""
    chosen: dict[str, tuple[Metric, list[Column], int]] = {}
    with_answers = {metric.benchmark for metric, scored in found.items() if any(map(_has_answers, scored))}
    for metric, scored in found.items():
        if metric.benchmark in chosen or len(chosen) == MOST:
            continue
        of_metric, kept = columns(scored, direction(metric, report.experiments), answers)
        if of_metric:
            chosen[metric.benchmark] = metric, of_metric, kept
    room = MOST_BYTES // max(len(chosen), 1)
    made = [_set(*each, direction(each[0], report.experiments), report, answers, room) for each in chosen.values()]
    return made, len(with_answers - {*chosen})


def _set(
    metric: Metric, found: list[Column], kept: int, towards: str, report: Report, answers: Answers, room: int
) -> Set:
    table = asked(found, answers)
    main = main_pair(found, _methods(report))
    every = pairs(table, towards, main)
    taken = carried(table, main, _order(found), room)
    content = {
        "metric": metric.full,
        "short": taken.is_short,
        "binary": table.is_right_or_wrong,
        "columns": [column.label for column in found],
        "scores": [float(f"{column.score.value:.6g}") for column in found],
        "rows": taken.rows,
        "pairs": {f"{pair.first}-{pair.second}": counts(pair) for pair in every},
        "main": main,
        "prompts": len(table.rows),
    }
    return Set(metric.full, content, _flips(every, found), [*_notes(taken, len(table.rows), len(found), kept)])


def _order(found: Sequence[Column]) -> list[int]:
    """The newest of each run, then those before."""
    steps = [-1 if column.score.step is None else column.score.step for column in found]
    return sorted(range(len(found)), key=lambda at: -steps[at])


def _flips(every: Sequence[Pair], found: Sequence[Column]) -> list[list[Any]]:
    """A row for each two neighbours in time."""
    rows = []
    for pair in every:
        first, second = found[pair.first], found[pair.second]
        if first.place == second.place and pair.second == pair.first + 1:
            low, high = (pair.verdict and pair.verdict.interval) or (None, None)
            difference = pair.verdict and pair.verdict.difference
            rows.append([first.label, second.label, pair.rose, pair.fell, pair.high, pair.low, difference, low, high])
    return rows


def _notes(taken: Any, prompts: int, shown: int, kept: int) -> list[str]:
    said = []
    if shown < kept:
        said.append(
            f"{shown} of {kept:,} scores that kept their answers are here: the last, first and best of each run first."
        )
    if taken.prompts_left_out:
        listed = prompts - taken.prompts_left_out
        said.append(f"The list has {listed:,} of {prompts:,} prompts, those that flipped first; counts are of all.")
    if taken.answers_left_out:
        said.append(f"The texts of {taken.answers_left_out:,} answers are left out, which keeps this file small.")
    return said


def _has_answers(scored: Scored) -> bool:
    return any(score.predictions is not None for score in scored.scores)


def _methods(report: Report) -> dict[str, str | None]:
    """The methods of experiments, a baseline first, and the weights of each that are compared."""
    found: dict[str, str | None] = {}
    for summary in report.experiments:
        before = f"{summary.name}/" if len(report.experiments) > 1 else ""  # as the groups of runs are called
        baseline = [summary.verdict.baseline] if summary.verdict else []
        weights = {arm.entry.method: arm.entry.weights for arm in summary.arms}
        found |= {f"{before}{method}": weights.get(method) for method in (*baseline, *weights)}
    return found
