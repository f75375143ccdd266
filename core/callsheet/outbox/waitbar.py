"""What a run shows while it waits for its outbox: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
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
        if sys.stderr.isatty():
            self._draw(done)
        elif time.monotonic() - self._said >= LINE_SECONDS:
            self._said = time.monotonic()
            print(f"Publishing: {self._total - len(left)} of {self._total} done; waiting.", file=sys.stderr)

    def _draw(self, done: float) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            columns = TextColumn("Publishing"), BarColumn(), TextColumn("{task.completed:.1f} of {task.total}")
            self._bar = Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True)
            self._bar.add_task("publishing", total=self._total)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], total=self._total, completed=done)
