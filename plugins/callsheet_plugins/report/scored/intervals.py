"""How sure a score is: the interval of a mean of answers, or of one over seeds. The formulas are those of verdicts."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from callsheet.errors import counted
from callsheet.experiments.statistics import checkpoints
from callsheet.experiments.statistics.checkpoints import Answer, CheckpointVerdict
from callsheet.experiments.statistics.methods import LEVEL, NONE
from callsheet.experiments.statistics.paired import Differences

AGREES = 5e-3  # how far the mean of the answers may be off the score: engines round, and drop answers
SAME = "all answers score the same, which tells no spread"
OTHER = "the answers that were kept do not average to the score"


@dataclass(frozen=True)
class Interval:
    """At 95 %; or `why` there is none."""

    low: float = math.nan
    high: float = math.nan
    why: str = ""

    @property
    def ends(self) -> tuple[float, float] | None:
        return None if self.why else (self.low, self.high)


def of_answers(answers: Sequence[Answer], score: float) -> Interval:
    """That of the mean of `answers`, robust to clusters, where they are what `score` is made of.

    The mean is compared with zero by the test that compares two checkpoints. Shares stay within 0 and 1.
    """
    found = checkpoints.compared(answers, [replace(answer, score=0.0) for answer in answers])
    if found.verdict == NONE or found.interval is None or found.difference is None:
        return Interval(why=_too_few(found))
    if not _near(found.difference, score):
        return Interval(why=OTHER)
    low, high = found.interval
    if low == high:
        return Interval(why=SAME)
    return Interval(max(low, 0.0), min(high, 1.0)) if _shares(answers) else Interval(low, high)


def agree(scores: Collection[float], score: float) -> bool:
    """Whether the mean of the `scores` of prompts is the `score`; not where there are none, nor where that is NaN."""
    return len(scores) > 0 and _near(math.fsum(scores) / len(scores), score)


def over_seeds(scores: Sequence[float]) -> tuple[float, float] | None:
    """That of the mean over seeds, by Student's t; None for one seed, and where all are equal."""
    scale = max((abs(score) for score in scores), default=0.0)
    return Differences(tuple(scores), scale).interval(LEVEL) if len(scores) > 1 else None


def _near(mean: float, score: float) -> bool:
    return abs(mean - score) <= AGREES * max(1.0, abs(score))


def _too_few(found: CheckpointVerdict) -> str:
    what = "prompt" if found.clusters == found.prompts else "cluster of prompts"
    return f"{counted(found.clusters, what)} with a score, and {checkpoints.FEWEST} are needed"


def _shares(answers: Sequence[Answer]) -> bool:
    return all(0.0 <= answer.score <= 1.0 for answer in answers)
