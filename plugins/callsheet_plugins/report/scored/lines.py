"""Scores over steps as lines: one for each method and kind of weights, over its seeds, or over the answers of a run."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from callsheet.errors import counted
from callsheet.results import RAW
from callsheet_plugins.report.scored.intervals import Interval, over_seeds
from callsheet_plugins.report.scored.metrics import Scored

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import RunData, Score

Sure = Callable[["RunData", "Score"], Interval]


@dataclass(frozen=True)
class Point:
    """The mean at a step, its interval where one is known, and what both are made of."""

    step: int
    value: float
    low: float | None = None
    high: float | None = None
    made_of: str = ""


@dataclass(frozen=True)
class Line:
    """`name` says which weights where they are not those that train, or not they alone.

    `dots` are the single runs, where there are several: label, step and value.
    """

    name: str
    group: str
    weights: str
    points: list[Point]
    dots: list[tuple[str, int, float]] = field(default_factory=list)
    runs: int = 1

    @property
    def last(self) -> float:
        return next((point.value for point in reversed(self.points) if math.isfinite(point.value)), math.nan)


def lines(found: Sequence[Scored], sure: Sure) -> list[Line]:
    """Those of one metric, in the order of the runs; without what has no step."""
    groups: dict[tuple[str, str], list[Scored]] = {}
    for scored in found:
        if scored.steps:
            groups.setdefault((group_of(scored.run), scored.weights), []).append(scored)
    singles = [members[0] for members in groups.values() if len(members) == 1]
    for place in (-1, 0):  # only so many answers are read: the last score of each run goes before all others
        for each in singles:
            sure(each.run, each.steps[place])
    kinds = Counter(group for group, _ in groups)
    return [_line(group, kinds[group], members, sure) for (group, _), members in groups.items()]


def same(found: Sequence[Line]) -> Iterator[str]:
    """Which lines have the same scores, so that one covers the other."""
    alike: dict[tuple[tuple[int, float], ...], list[str]] = {}
    for line in found:
        alike.setdefault(tuple((point.step, point.value) for point in line.points), []).append(line.name)
    for names in (names for names in alike.values() if len(names) > 1):
        yield f"{', '.join(names[:-1])} and {names[-1]} have the same scores: one line covers the other."


def group_of(run: RunData) -> str:
    """The method of a run, with the stage of a chain: steps of several stages are not those of one line."""
    return f"{run.group} · {run.stage}" if run.stage else run.group


def _line(group: str, kinds: int, members: Sequence[Scored], sure: Sure) -> Line:
    weights = members[0].weights
    name = group if kinds == 1 and weights == RAW else f"{group} ({weights} weights)"
    if len(members) == 1:
        run = members[0].run
        return Line(name, group, weights, [_of_answers(run, score, sure) for score in members[0].steps])
    dots = [(each.run.label, score.step or 0, score.value) for each in members for score in each.steps]
    return Line(name, group, weights, [*_over_seeds(dots)], dots, len(members))


def _of_answers(run: RunData, score: Score, sure: Sure) -> Point:
    found = sure(run, score)
    low, high = found.ends or (None, None)
    return Point(score.step or 0, score.value, low, high, f"no interval: {found.why}" if found.why else "over prompts")


def _over_seeds(dots: Sequence[tuple[str, int, float]]) -> Iterator[Point]:
    steps: dict[int, list[float]] = {}
    for _, step, value in dots:
        if math.isfinite(value):
            steps.setdefault(step, []).append(value)
    for step, values in sorted(steps.items()):
        low, high = over_seeds(values) or (None, None)
        yield Point(step, math.fsum(values) / len(values), low, high, f"over {counted(len(values), 'seed')}")
