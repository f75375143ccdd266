"""Writes complete checkpoints into the manifest at once, and hashes them beside the training loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from callsheet.outbox.entries import Entry
from callsheet.outbox.supervisor.recovery import as_listed
from callsheet.records import ManifestRow
from callsheet.rundir import checkpoints
from callsheet.rundir.hashes import Hashes
from callsheet.rundir.rundir import RunDir


class ManifestWriter:
    """Writes `checkpoints.jsonl` on rank 0: one row when a checkpoint is complete, and a second one with its hashes."""

    def __init__(self, run_dir: RunDir) -> None:
        self.run_dir = run_dir
        self._hashes = Hashes(run_dir.path)
        self._pool = ThreadPoolExecutor(1, "callsheet-hash")
        self._stop = Event()

    def add(self, row: ManifestRow, entries: Sequence[Entry]) -> None:
        """Add a complete checkpoint; `entries` are the outbox entries that plugins put for it."""
        row = checkpoints.with_files(row)
        checkpoints.record(self.run_dir, row, **as_listed([*entries]))
        self._pool.submit(self._hash, row)

    def beside(self, task: Callable[[Callable[[], bool]], None]) -> None:
        """Do `task` beside the loop, in the same thread; it is told when to stop. What it raises is lost."""
        self._pool.submit(task, self._stop.is_set)

    def close(self, *, hurry: bool) -> None:
        """Wait until all checkpoints are hashed; in a hurry, cancel those that are not begun."""
        if hurry:
            self._stop.set()
        self._pool.shutdown(wait=not hurry, cancel_futures=hurry)

    def _hash(self, row: ManifestRow) -> None:
        if hashed := checkpoints.with_hashes(row, self._hashes):
            checkpoints.record(self.run_dir, hashed)
