"""Threads that begin with an import: no process waits for them at its end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unbound(who: str, found: list[str]) -> Iterator[None]:
    """Make daemons of the threads that the block starts, and say so in `found`."""
    start = threading.Thread.start

    def started(thread: threading.Thread) -> None:
        if not thread.daemon:
            thread.daemon = True
            found.append(f"{who} starts the thread {thread.name!r} when it is imported. No command waits for its end.")
        start(thread)

    threading.Thread.start = started  # type: ignore[assignment,method-assign]
    try:
        yield
    finally:
        threading.Thread.start = start  # type: ignore[method-assign]
