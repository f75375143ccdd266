"""Numbers, sizes and values, as a cell of a table shows them."""

from __future__ import annotations

import json
import math
from typing import Any

UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def as_number(value: Any) -> float | None:
    """A number of JSON, which may have more digits than a float holds; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def number(value: float | None) -> str:
    """Four digits that matter.

    >>> number(0.04927574), number(1319), number(595406.0), number(3e-05), number(float("nan")), number(None)
    ('0.04928', '1319', '595406', '3e-05', 'NaN', '')
    """
    if value is None:
        return ""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{value}"
    is_long = 1000 <= abs(value) < 1e7
    return f"{value:.0f}" if is_long else f"{value:.4g}"


def size(count: float) -> str:
    """
    >>> size(999), size(12_345_678)
    ('999 B', '12 MB')
    """
    power = min(len(UNITS) - 1, int(math.log10(max(count, 1)) // 3))
    scaled = count / 1000**power
    return f"{scaled:.0f} {UNITS[power]}" if power == 0 or scaled >= 10 else f"{scaled:.1f} {UNITS[power]}"


def setting(value: Any) -> str:
    """A setting as a user would type it."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)
