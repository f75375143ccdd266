"""Locks that the system releases when a process dies, however it dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE_SECONDS = 900.0
LOOK_SECONDS = 0.05


@contextmanager
def alone_with(path: Path) -> Iterator[None]:
    """Hold the system's lock on a file, which a process gives up however it ends; without one where there are none."""
    descriptor, end = os.open(path, os.O_RDONLY), time.monotonic() + PATIENCE_SECONDS
    try:
        while not _locked(descriptor) and time.monotonic() < end:
            time.sleep(LOOK_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    """Whether there is nothing to wait for: the lock is ours, or the file system has none."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
