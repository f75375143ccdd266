"""How far each active entry is, written by the courier for whoever waits."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from threading import Lock

from callsheet.disk import typed
from callsheet.disk.inside import Inside
from callsheet.disk.typed import Malformed
from callsheet.values import dumps

PROGRESS = "progress.json"


class ProgressFile:
    """Rewritten at most once a second; never worth a failure."""

    def __init__(self, folder: Path) -> None:
        self._inside, self._path = Inside(folder.parent), folder / PROGRESS
        self._known: dict[str, tuple[float, float]] = {}
        self._written = 0.0
        self._lock = Lock()

    def note(self, id: str, done: float, total: float) -> None:
        with self._lock:
            self._known[id] = (done, total)
            if time.monotonic() - self._written >= 1.0:
                self._write()

    def forget(self, id: str) -> None:
        with self._lock:
            if self._known.pop(id, None):
                self._write()

    def _write(self) -> None:
        self._written = time.monotonic()
        with suppress(OSError):
            self._inside.write(self._path, dumps(self._known), durable=False)


def read(folder: Path) -> dict[str, tuple[float, float]]:
    """What is done and what there is to do, by entry; nothing where the file is none of ours, or not there."""
    try:
        known = typed.read(folder / PROGRESS, dict[str, tuple[float, float]], where=f"outbox/{PROGRESS}")
    except (OSError, Malformed):
        return {}
    return {id: (done, total) for id, (done, total) in known.items() if 0 <= done <= total < float("inf")}
