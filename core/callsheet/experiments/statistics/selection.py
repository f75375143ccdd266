"""The best of many checkpoints: chosen on one half of the prompts, reported on the other, since a maximum flatters."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

LEVEL = 0.05
RESAMPLES = 2000
BATCH = 100  # of them in memory
SEED = 0
NORMAL = NormalDist()


@dataclass(frozen=True)
class Chosen:
    """The checkpoint that is best on one half of the prompts, and its `score` on the other half.

    `naive` is what one would have reported: the best mean over all prompts, chosen and measured on the same ones; it
    is too good by about `naive - score`. `interval` is that of `score` at 95 %, None where the answers do not vary.
    `chosen_on` and `reported_on` count prompts, `of` checkpoints.
    """

    checkpoint: str
    score: float
    interval: tuple[float, float] | None
    naive: float
    chosen_on: int
    reported_on: int
    of: int


def best_of(scores: Mapping[str, Mapping[str, float]], *, direction: str = "maximize") -> Chosen | None:
    """The best of `scores`, which are by checkpoint and prompt, over the prompts that all of them answered.

    None where a half has no prompt. The halves go by a hash of the prompt: they are the same for every run, on every
    machine, whatever the order of the file.
    """
    common = set[str].intersection(*(set(found) for found in scores.values())) if scores else set[str]()
    prompts = sorted(prompt for prompt in common if all(math.isfinite(found[prompt]) for found in scores.values()))
    choose = [prompt for prompt in prompts if in_first_half(prompt)]
    report = [prompt for prompt in prompts if not in_first_half(prompt)]
    if not choose or not report:
        return None
    sign = 1 if direction == "maximize" else -1
    best = max(scores, key=lambda name: sign * _mean(scores[name], choose))
    naive = sign * max(sign * _mean(found, prompts) for found in scores.values())
    kept = [scores[best][prompt] for prompt in report]
    score = math.fsum(kept) / len(kept)
    return Chosen(best, score, interval_of_mean(kept), naive, len(choose), len(report), len(scores))


def in_first_half(prompt: str) -> bool:
    """Whether a prompt belongs to those by which a checkpoint is chosen."""
    return hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).digest()[0] % 2 == 0


def interval_of_mean(values: Sequence[float]) -> tuple[float, float] | None:
    """The interval of a mean at 95 % by the BCa bootstrap, which suits shares near 0 and 1; None without a spread.

    It is that of `scipy.stats.bootstrap`, to the draw, without an import that takes half a second (Efron and
    Tibshirani, 1993, section 14.3).
    """
    import numpy

    if len(values) < 2 or min(values) == max(values):
        return None
    known = numpy.asarray(values, dtype=float)
    mean, drawn = known.mean(), _resampled_means(known)
    share = float((drawn < mean).mean() + (drawn <= mean).mean()) / 2
    if not 0 < share < 1:
        return None
    off = known - mean
    ends = _adjusted(NORMAL.inv_cdf(share), float((off**3).sum() / (off**2).sum() ** 1.5) / 6)
    low, high = map(float, numpy.quantile(drawn, ends))
    return (low, high) if math.isfinite(low) and math.isfinite(high) else None


def _resampled_means(known: Any) -> Any:
    import numpy

    random = numpy.random.default_rng(SEED)
    drawn = [known[random.integers(0, len(known), (BATCH, len(known)))].mean(axis=1) for _ in range(RESAMPLES // BATCH)]
    return numpy.concatenate(drawn)


def _adjusted(bias: float, acceleration: float) -> list[float]:
    """The quantiles of the resampled means that are the ends, corrected for their bias and their skewness."""
    shifts = (bias + NORMAL.inv_cdf(level) for level in (LEVEL / 2, 1 - LEVEL / 2))
    return [NORMAL.cdf(bias + shift / (1 - acceleration * shift)) for shift in shifts]


def _mean(scores: Mapping[str, float], prompts: Sequence[str]) -> float:
    return math.fsum(scores[prompt] for prompt in prompts) / len(prompts)
