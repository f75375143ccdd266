"""Means over the runs of an arm, each with its 95 % interval by Student's t."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callsheet_plugins.report.figures.lines.bins import Floats

LEVEL = 0.05


@dataclass(frozen=True)
class Bands:
    """Row g is group g. `half` is half the interval, NaN with one run; `count` is how many runs have a value."""

    mean: Floats
    half: Floats
    count: NDArray[np.int64]


def bands(rows: Floats, sizes: list[int]) -> Bands:
    """The mean of each group of `rows`, which stand one group after the other; `sizes` counts the rows of each.

    A row without a value at a place (NaN), such as a run that ended early, is left out there.
    """
    starts = np.cumsum([0, *sizes[:-1]])
    there = np.isfinite(rows)
    count = np.add.reduceat(there, starts, axis=0, dtype=np.int64)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        mean = np.add.reduceat(np.where(there, rows, 0.0), starts, axis=0) / np.where(count, count, np.nan)
        off = np.where(there, rows - np.repeat(mean, sizes, axis=0), 0.0)
        squares = np.add.reduceat(off**2, starts, axis=0)
        half = criticals(max(sizes))[count] * np.sqrt(squares / (count - 1) / count)
    return Bands(mean, np.where(count > 1, half, np.nan), count)


def criticals(most: int) -> NDArray[Any]:
    """At place n, by how many standard errors the interval of n runs reaches to each side; NaN for 0 and 1."""
    if most < 2:
        return np.full(2, np.nan)
    from callsheet.experiments.statistics.students_t import critical

    return np.array([np.nan, np.nan, *(critical(LEVEL, count - 1) for count in range(2, most + 1))])
