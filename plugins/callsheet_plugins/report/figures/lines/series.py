"""What is asked of a single series."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from callsheet_plugins.report.reading.metrics import Series


def merged(one: Series, other: Series) -> Series:
    """Two that measure the same under different names, as one; of a step that both have, what is a number counts."""
    series = [one, other]
    steps = np.concatenate([each.steps for each in series])
    values = np.concatenate([each.values for each in series])
    order = np.lexsort((np.isfinite(values), steps))
    steps, values = steps[order], values[order]
    last = np.append(steps[1:] != steps[:-1], True) if len(steps) else np.zeros(0, dtype=bool)
    return replace(other, steps=steps[last], values=values[last])


def last_of(series: Series) -> float:
    """The last finite value; NaN if there is none."""
    if len(series.values) and np.isfinite(series.values[-1]):
        return float(series.values[-1])
    finite = series.values[np.isfinite(series.values)]
    return float(finite[-1]) if len(finite) else np.nan
