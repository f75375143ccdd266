"""Which checkpoints are shown beside each other: of those with answers, the last, first and best of each run first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from callsheet.results import RAW
from callsheet_plugins.report.scored.answered import Answers
from callsheet_plugins.report.scored.metrics import Scored

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import RunData, Score

MOST = 24  # of a metric


@dataclass(frozen=True, eq=False)
class Column:
    """One checkpoint, or one kind of its weights. `place` is what it shares with its neighbours in time."""

    run: RunData
    score: Score
    place: tuple[object, str]
    in_several: bool

    @property
    def label(self) -> str:
        step = "no step" if self.score.step is None else f"step {self.score.step}"
        weights = "" if self.score.weights == RAW else f" ({self.score.weights} weights)"
        return f"{self.run.label}, {step}{weights}" if self.in_several else f"{step}{weights}"


def columns(found: Sequence[Scored], towards: str, answers: Answers) -> tuple[list[Column], int]:
    """The columns of one metric, by run and step, and how many scores have kept answers."""
    several = len({each.run.path for each in found}) > 1
    kept = [score for each in found for score in each.scores if score.predictions is not None]
    chosen: dict[tuple[object, str], list[Score]] = {}
    for each, score in _important_first(found, towards):
        if sum(map(len, chosen.values())) == MOST:
            break
        if score.predictions is not None and not answers.why(each.run, score) and answers.graded(each.run, score):
            chosen.setdefault(_place(each), []).append(score)
    made = [
        Column(each.run, score, _place(each), several)
        for each in found
        for score in each.scores
        if score in chosen.get(_place(each), ())
    ]
    return made, len(kept)


def _important_first(found: Sequence[Scored], towards: str) -> Iterator[tuple[Scored, Score]]:
    """One score of each run in turn; runs of one seed stand together, so that methods can be compared."""
    runs = sorted(found, key=lambda each: -1 if each.run.seed is None else each.run.seed)
    orders = [_order(each.scores, towards) for each in runs]
    for turn in zip_longest(*orders):
        yield from ((each, score) for each, score in zip(runs, turn, strict=True) if score is not None)


def _order(scores: Sequence[Score], towards: str) -> list[Score]:
    sign = 1 if towards == "maximize" else -1
    best = max(scores, key=lambda score: sign * score.value)
    return [*dict.fromkeys([scores[-1], scores[0], best, *reversed(scores)])]


def _place(scored: Scored) -> tuple[object, str]:
    return scored.run.path, scored.weights
