"""What is asked of a single series."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from callsheet_plugins.report.reading.metrics import Series


def last_of(series: Series) -> float:
    """The last finite value; NaN if there is none."""
    if len(series.values) and np.isfinite(series.values[-1]):
        return float(series.values[-1])
    finite = series.values[np.isfinite(series.values)]
    return float(finite[-1]) if len(finite) else np.nan
