"""Numbers as the page writes them."""

from __future__ import annotations

from math import isfinite

MANY = 10**6  # from here on, and below its inverse, as a power of ten
FEW = 1e-4


def shown(value: float) -> str:
    """Four digits, and never fewer than a whole number has: 1234567, 0.3333, 1.2e-05."""
    if isinstance(value, int) or not isfinite(value):
        return str(value)
    if value and not FEW <= abs(value) < MANY:
        return f"{value:.3e}".replace("e-0", "e-").replace("e+0", "e+").replace("e+", "e")
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.4g}"


def sort_key(value: float, text: str) -> str:
    """What sorts a number that is shown as `text`: empty where the text itself does."""
    try:
        shown_value = float(text)
    except ValueError:
        return f"{value:.9g}"
    return "" if shown_value == value or not isfinite(value) else f"{value:.9g}"
