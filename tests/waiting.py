"""Waiting for what must come. Only a fault lasts as long as `PATIENCE`, on however slow a machine."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 240.0  # seconds, less than a test may take; what a test hangs on purpose hangs for longer


def wait_until(true: Callable[[], object], *, said: Callable[[], object] = lambda: "it never came true") -> None:
    """Return once `true()` is; `said()` is what to say when it never is."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, said()
        time.sleep(0.01)
