"""Many series on one axis: their steps where they agree, else bins; numpy over all of them at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Steps = NDArray[np.int64]

AGREED = 1.25  # with as many steps of all in its range, times its own, a series still has the steps of the others
DENSE = 16  # how many integers a step may take, for a table of all of them


@dataclass(frozen=True)
class Binned:
    """Row r of `mean`, `low` and `high` is series r; NaN where it has no finite value. `x` is the middle of each bin.

    `width` is the number of steps of a bin, and 0 where each bin is one step.
    """

    x: Floats
    mean: Floats
    low: Floats
    high: Floats
    width: int

    @property
    def is_exact(self) -> bool:
        """Whether each bin is one step."""
        return self.width == 0


def binned(series: Sequence[tuple[Steps, Floats]], most: int) -> Binned:
    """Put `series` of (ascending steps, values) on at most `most` bins, or a few more where each is a step of its own.

    A bin is never narrower than the rarest series logs: so each has a value in each bin, and a mean over them compares
    the same steps.
    """
    lengths = np.array([len(steps) for steps, _ in series], dtype=np.int64)
    if not lengths.sum():
        empty = np.zeros((len(series), 0))
        return Binned(np.zeros(0), empty, empty, empty, 0)
    steps = np.concatenate([steps for steps, _ in series])
    values = np.concatenate([values for _, values in series]).astype(np.float64)
    axis, place, width = _placed(steps, lengths, most)
    rows = np.repeat(np.arange(len(series)), lengths)
    return Binned(axis, *_gathered(rows * len(axis) + place, values, (len(series), len(axis))), width)


def _placed(steps: Steps, lengths: NDArray[Any], most: int) -> tuple[Floats, NDArray[Any], int]:
    """The middles of the bins, the bin of each step, and the bins' width."""
    first, span = int(steps.min()), int(steps.max()) - int(steps.min()) + 1
    unique, place = _unique(steps, first, span)
    ends = np.cumsum(lengths)[lengths > 0]
    starts = ends - lengths[lengths > 0]
    if len(unique) <= most and _agree(place[starts], place[ends - 1], ends - starts):
        return unique.astype(np.float64), place, 0
    width = math.ceil(max(span / most, min(_rarest(steps[starts], steps[ends - 1], ends - starts), span / 2)))
    middles = first + np.arange(math.ceil(span / width), dtype=np.int64) * width + (width - 1) // 2
    return np.minimum(middles, first + span - 1).astype(np.float64), (steps - first) // width, width


def _unique(steps: Steps, first: int, span: int) -> tuple[Steps, NDArray[Any]]:
    """The different steps, and the place of each among them; without sorting where their range allows it."""
    if span > DENSE * len(steps) + DENSE:
        return np.unique(steps, return_inverse=True)
    there = np.zeros(span, dtype=bool)
    there[steps - first] = True
    return first + np.flatnonzero(there), (np.cumsum(there) - 1)[steps - first]


def _agree(first: NDArray[Any], last: NDArray[Any], lengths: NDArray[Any]) -> bool:
    """Whether each series has nearly all the steps that lie between its first and its last."""
    return bool((last - first + 1 <= np.maximum(AGREED * lengths, 2)).all())


def _rarest(first: Steps, last: Steps, lengths: NDArray[Any]) -> float:
    """The interval in which the series logs that logs the rarest."""
    return float(((last - first) / np.maximum(lengths - 1, 1)).max(initial=0))


def _gathered(cells: NDArray[Any], values: Floats, shape: tuple[int, int]) -> tuple[Floats, Floats, Floats]:
    """Mean, least and most of the finite `values` of each cell; NaN where there is none."""
    finite = np.isfinite(values)
    cells, values = cells[finite], values[finite]
    mean, low, high = (np.full(shape, np.nan) for _ in range(3))
    if not len(values):
        return mean, low, high
    starts = np.flatnonzero(np.diff(cells, prepend=-1))
    filled = cells[starts]
    low.flat[filled] = np.minimum.reduceat(values, starts)
    high.flat[filled] = np.maximum.reduceat(values, starts)
    with np.errstate(over="ignore"):
        mean.flat[filled] = np.add.reduceat(values, starts) / np.diff(starts, append=len(values))
    return np.clip(mean, low, high), low, high  # a sum of huge values is infinite


def shared(values: Floats) -> NDArray[Any]:
    """`values` in 4 bytes each, where they fit."""
    with np.errstate(over="ignore"):
        short = values.astype(np.float32)
    lost = np.isinf(short) | ((short == 0) & (values != 0))
    return values if lost.any() else short
