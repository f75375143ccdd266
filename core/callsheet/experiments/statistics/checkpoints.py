"""Compare two checkpoints, or two single runs, prompt by prompt: that says nothing about the methods that made them."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from callsheet.errors import counted
from callsheet.experiments.statistics.methods import BETTER, HUGE, LEVEL, NONE, NOT_SHOWN, WORSE
from callsheet.experiments.statistics.paired import ROUNDING
from callsheet.experiments.statistics.students_t import critical, two_sided_p

FEWEST = 10  # clusters of prompts: of fewer, the error of the mean is itself too uncertain
LABEL = "two checkpoints, not two methods"


@dataclass(frozen=True)
class Answer:
    """The score of one prompt. `cluster` is what prompts share that are no independent questions, such as a passage."""

    prompt: str
    score: float
    cluster: Hashable = None


@dataclass(frozen=True)
class CheckpointVerdict:
    """Whether one checkpoint answers these questions better than another, at 5 %.

    It holds for these two checkpoints and questions like these. Another seed gives another checkpoint: to compare
    methods, train several. `interval` is that of the mean difference at 95 %. `clusters` is how many independent
    questions, or passages, there are; `left_out` how many prompts only one of the two has.
    """

    of: str
    than: str
    verdict: str
    prompts: int = 0
    clusters: int = 0
    left_out: int = 0
    difference: float | None = None
    interval: tuple[float, float] | None = None
    p: float | None = None
    why: str = ""
    label: str = LABEL


def compared(
    of: Iterable[Answer],
    than: Iterable[Answer],
    *,
    names: tuple[str, str] = ("the first", "the second"),
    direction: str = "maximize",
) -> CheckpointVerdict:
    """Pair the answers by prompt; a prompt that was asked several times is paired with its mean.

    The error of the mean difference is robust to clusters: a t-test over the sums of clusters. A prompt without a
    cluster is one of its own.
    """
    of, than = [*of], [*than]
    first, second = means(of), means(than)
    found = {prompt: first[prompt] - second[prompt] for prompt in first if prompt in second}
    sums = _by_cluster(found, _clusters([*of, *than]))
    about: dict[str, Any] = {"of": names[0], "than": names[1], "prompts": len(found), "clusters": len(sums)}
    left_out = len(first.keys() ^ second.keys())
    if len(sums) < FEWEST:
        one, many = ("prompt", "prompts") if len(sums) == len(found) else ("cluster of prompts", "clusters of prompts")
        why = f"{counted(len(sums), one, many)} in common, and {FEWEST} are needed"
        return CheckpointVerdict(**about, verdict=NONE, left_out=left_out, why=why)
    mean, error = _mean_and_error(sums)
    p, interval = _tested(mean, error, len(sums) - 1)
    shown = p <= LEVEL
    verdict = (BETTER if (mean > 0) == (direction == "maximize") else WORSE) if shown else NOT_SHOWN
    return CheckpointVerdict(**about, verdict=verdict, left_out=left_out, difference=mean, interval=interval, p=p)


def means(answers: Sequence[Answer]) -> dict[str, float]:
    """The mean score of each prompt; a score that is no number, or has no square, is missing."""
    scores: dict[str, list[float]] = {}
    for answer in answers:
        if abs(answer.score) < HUGE:
            scores.setdefault(answer.prompt, []).append(answer.score)
    return {prompt: math.fsum(found) / len(found) for prompt, found in scores.items()}


def _clusters(answers: Sequence[Answer]) -> dict[str, Hashable]:
    return {answer.prompt: answer.cluster for answer in answers if answer.cluster is not None}


def _by_cluster(found: Mapping[str, float], clusters: Mapping[str, Hashable]) -> list[tuple[float, int]]:
    """For each cluster, the sum of its differences and their number."""
    sums: dict[Hashable, tuple[float, int]] = {}
    for prompt, difference in found.items():
        key = ("cluster", clusters[prompt]) if prompt in clusters else ("prompt", prompt)
        total, count = sums.get(key, (0.0, 0))
        sums[key] = total + difference, count + 1
    return [*sums.values()]


def _mean_and_error(sums: Sequence[tuple[float, int]]) -> tuple[float, float]:
    """The mean difference over prompts, and its standard error, robust to clusters."""
    prompts = sum(count for _, count in sums)
    mean = math.fsum(total for total, _ in sums) / prompts
    spread = math.fsum((total - count * mean) ** 2 for total, count in sums)
    return mean, math.sqrt(spread * len(sums) / (len(sums) - 1)) / prompts


def _tested(mean: float, error: float, freedom: int) -> tuple[float, tuple[float, float]]:
    """The two-sided p, and the interval; without any spread, the signs decide."""
    if error <= ROUNDING * abs(mean) or error == 0:
        return (1.0 if mean == 0 else 2.0**-freedom), (mean, mean)
    half = critical(LEVEL, freedom) * error
    return two_sided_p(mean / error, freedom), (mean - half, mean + half)
