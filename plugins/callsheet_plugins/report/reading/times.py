"""Times as files of a run write them, in seconds since 1970."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any


def seconds(said: Any) -> float | None:
    """ISO 8601 text, or a number as the outbox writes it; None for what is neither.

    >>> seconds("1970-01-01T00:01:00+00:00"), seconds(60), seconds("soon")
    (60.0, 60.0, None)
    """
    if isinstance(said, (int, float)) and not isinstance(said, bool):
        return float(said) if math.isfinite(said) else None
    try:
        return datetime.fromisoformat(str(said)).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
