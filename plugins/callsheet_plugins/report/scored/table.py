"""The table of all scores: a row for each metric, method or run, and kind of weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from callsheet_plugins.report.scored import lines as lining
from callsheet_plugins.report.scored.answered import Answers
from callsheet_plugins.report.scored.lines import Line
from callsheet_plugins.report.scored.metrics import Metric, Scored

COLUMNS = (
    "metric",
    "run or arm",
    "weights",
    "runs",
    "first step",
    "first score",
    "last step",
    "last score",
    "95 % from",
    "to",
)
MOST = 400  # rows
NO_STEP = "no step"


def rows(found: Mapping[Metric, Sequence[Scored]], answers: Answers) -> tuple[list[list[Any]], int]:
    """The first rows, those of important metrics before others, and how many there are."""
    total = sum(len({(lining.group_of(each.run), each.weights) for each in scored}) for scored in found.values())
    return [*islice(_rows(found, answers), MOST)], total


def _rows(found: Mapping[Metric, Sequence[Scored]], answers: Answers) -> Iterator[list[Any]]:
    for metric, scored in found.items():
        for line in lining.lines(scored, answers.sure):
            yield [metric.short, line.group, line.weights, line.runs, *_ends(line)]
        for each in scored:
            if not each.steps:
                yield [metric.short, each.run.label, each.weights, 1, None, None, *_without_step(each, answers)]


def _ends(line: Line) -> list[Any]:
    first, last = line.points[0], line.points[-1]
    return [first.step, _number(first.value), last.step, _number(last.value), last.low, last.high]


def _without_step(scored: Scored, answers: Answers) -> list[Any]:
    score = scored.scores[-1]
    low, high = answers.sure(scored.run, score).ends or (None, None)
    return [NO_STEP, _number(score.value), low, high]


def _number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)
