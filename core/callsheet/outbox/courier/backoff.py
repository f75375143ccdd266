"""How long to wait before the next attempt: exponential, with jitter, and never sooner than was asked for."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

LONGEST_ASKED = 86_400.0  # seconds; nobody means more


@dataclass(frozen=True)
class Backoff:
    """The delay doubles from `first` to `longest` seconds."""

    first: float = 1.0
    longest: float = 60.0

    def delay(self, attempts: int, retry_after: float | None = None) -> float:
        """Seconds to wait after `attempts` failures."""
        backoff = min(self.longest, self.first * 2.0 ** min(attempts - 1, 30)) * random.uniform(0.5, 1.0)
        if retry_after is None or not math.isfinite(retry_after):
            return backoff
        return min(max(retry_after, 0.0), LONGEST_ASKED) + min(backoff, 1.0)
