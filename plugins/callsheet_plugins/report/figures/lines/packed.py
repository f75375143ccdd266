"""Many rows of numbers in two bytes each, as text; assets/curves.js unpacks them."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from callsheet_plugins.report.figures.lines.bins import Floats

TOP = 65534  # the largest of the numbers; one more says that there is none
DECADES = 100.0  # values that differ by more than that factor are packed by their logarithm


def packed(rows: Floats) -> dict[str, Any]:
    """`data` is base64: each number's place between its row's `low` and `high`, by the logarithm if `log`.

    No number is off by more than 1/131,068 of its row's range (or, by the logarithm, of its ratio).
    """
    if not rows.size:
        return {"data": "", "low": [], "high": [], "log": [], "count": 0}
    low, high = _least(rows), _most(rows)
    log = (low > 0) & (high / DECADES > low)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        scaled = np.where(log[:, None], np.log(rows), rows)
        first, last = np.where(log, np.log(low), low), np.where(log, np.log(high), high)
        # Halved, because the range of huge values of both signs is more than a float holds.
        share = (scaled / 2 - first[:, None] / 2) / np.where(last > first, last / 2 - first / 2, 1)[:, None]
    places = np.where(np.isfinite(share), np.round(share * TOP), TOP + 1).astype("<u2")
    return {
        "data": base64.b64encode(places.tobytes()).decode(),
        "low": _short(first),
        "high": _short(last),
        "log": [int(one) for one in log],
        "count": rows.shape[1],
    }


def _least(rows: Floats) -> Floats:
    least: Floats = np.where(np.isfinite(rows), rows, np.inf).min(axis=1)
    return np.where(np.isfinite(least), least, 0.0)


def _most(rows: Floats) -> Floats:
    most: Floats = np.where(np.isfinite(rows), rows, -np.inf).max(axis=1)
    return np.where(np.isfinite(most), most, 0.0)


def _short(values: Floats) -> list[float]:
    """Nine digits, which hold a float32."""
    return [float(f"{value:.9g}") for value in values]
