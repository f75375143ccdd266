"""What a run shows while it waits for its outbox: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from callsheet.outbox import progress
from callsheet.outbox.shelves import Shelves

if TYPE_CHECKING:
    from rich.progress import Progress

LINE_SECONDS = 15.0


class WaitBar:
    """Counts the entries that were left when it was first shown, and the parts of those in work."""

    def __init__(self, shelves: Shelves) -> None:
        self.shelves = shelves
        self._total = 0
        self._bar: Progress | None = None
        self._said = 0.0

    def __enter__(self) -> WaitBar:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar:
            self._bar.stop()

    def show(self, left: Sequence[str]) -> None:
        self._total = max(self._total, len(left))
        parts = progress.read(self.shelves.folder)
        done = self._total - len(left) + sum(min(part / whole, 1.0) for part, whole in parts.values() if whole)
        said = f"{self._total - len(left)} of {self._total}, left: {_kinds(left)}"
        if sys.stderr.isatty():
            self._draw(done, said)
        elif time.monotonic() - self._said >= LINE_SECONDS:
            self._said = time.monotonic()
            print(f"Waiting for the outbox: {said}", file=sys.stderr)

    def _draw(self, done: float, said: str) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            columns = TextColumn("Outbox"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}")
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.add_task(said, total=self._total)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], total=self._total, completed=done, description=said)


def _kinds(ids: Sequence[str]) -> str:
    """
    >>> _kinds(["benchmarks-a", "hub_revisions-b", "benchmarks-c"])
    'benchmarks 2, hub_revisions 1'
    """
    counts = Counter(id.partition("-")[0] for id in ids)
    return ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))
