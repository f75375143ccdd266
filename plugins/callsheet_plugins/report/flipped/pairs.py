"""What changed from one checkpoint to another: how many answers flipped, and whether the mean did, prompt by prompt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from callsheet.experiments.statistics import checkpoints
from callsheet.experiments.statistics.checkpoints import CheckpointVerdict
from callsheet.results import RAW
from callsheet_plugins.report.flipped.asked import Asked
from callsheet_plugins.report.flipped.columns import Column

MOST_ANSWERS = 300_000  # that are compared for intervals, which takes half a second


@dataclass(frozen=True)
class Pair:
    """From the column `first` to the column `second`, which stands behind it.

    `rose` and `fell` count prompts whose score did, `high` and `low` those that have the same score in both: 1 or more,
    and less. `verdict` says how `second` differs from `first`; it is None where it was not computed.
    """

    first: int
    second: int
    rose: int
    fell: int
    high: int
    low: int
    verdict: CheckpointVerdict | None = None


def pairs(asked: Asked, direction: str, main: tuple[int, int]) -> list[Pair]:
    """Every two columns; `main` is compared first, then neighbours, first and last, and others while that is cheap."""
    judged: dict[tuple[int, int], CheckpointVerdict] = {}
    room = MOST_ANSWERS
    for first, second in dict.fromkeys(
        [(min(main), max(main)), *_neighbours(asked.columns), *_ends(asked.columns), *_all(asked)]
    ):
        room -= len(asked.graded[first]) + len(asked.graded[second])
        if room < 0:
            break
        of, than = asked.graded[second], asked.graded[first]
        judged[first, second] = checkpoints.compared(of, than, direction=direction)
    return [_pair(asked, first, second, judged.get((first, second))) for first, second in _all(asked)]


def main_pair(columns: Sequence[Column], baselines: Mapping[str, str | None]) -> tuple[int, int]:
    """From what to what is shown at first: of two methods their last checkpoints, of one run its first and its last.

    `baselines` are the methods that others are compared with; of each method, by name, the weights that are compared.
    """
    last = {column.place: at for at, column in enumerate(columns)}
    ends = sorted(last.values(), key=lambda at: _rank(columns[at], baselines))
    one = columns[ends[0]]
    others = [at for at in ends if columns[at].run.path != one.run.path]
    others.sort(key=lambda at: (columns[at].run.group == one.run.group, columns[at].run.seed != one.run.seed))
    if others:
        return ends[0], others[0]
    first = {column.place: at for at, column in reversed([*enumerate(columns)])}
    place = max(last, key=lambda place: last[place] - first[place])
    return (first[place], last[place]) if last[place] > first[place] else (0, len(columns) - 1)


def _rank(column: Column, baselines: Mapping[str, str | None]) -> tuple[bool, bool]:
    """Baselines come first, and of each method the weights that are compared."""
    group = column.run.group
    return [*baselines][:1] != [group], (baselines.get(group) or RAW) != column.score.weights


def _pair(asked: Asked, first: int, second: int, verdict: CheckpointVerdict | None) -> Pair:
    before, after = asked.scores[first], asked.scores[second]
    same = before == after  # NaN is never
    high = int((same & (after >= 1)).sum())
    counts = int((after > before).sum()), int((after < before).sum()), high, int(same.sum()) - high
    return Pair(first, second, *counts, verdict)


def _all(asked: Asked) -> Iterator[tuple[int, int]]:
    return combinations(range(len(asked.columns)), 2)


def _neighbours(columns: Sequence[Column]) -> Iterator[tuple[int, int]]:
    for at in range(1, len(columns)):
        if columns[at - 1].place == columns[at].place:
            yield at - 1, at


def _ends(columns: Sequence[Column]) -> Iterator[tuple[int, int]]:
    ends: dict[object, list[int]] = {}
    for at, column in enumerate(columns):
        ends.setdefault(column.place, []).append(at)
    yield from ((places[0], places[-1]) for places in ends.values() if len(places) > 1)
    lasts = [places[-1] for places in ends.values()]
    yield from ((lasts[0], last) for last in lasts[1:])
