"""What a run shows while it waits for its outbox, and why it does: a bar on a terminal, lines in a log."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from callsheet.errors import sentences
from callsheet.outbox.courier import progress
from callsheet.outbox.store import DONE, FAILED, PENDING, EntryStore
from callsheet.screen import on_a_screen

if TYPE_CHECKING:
    from rich.progress import Progress

HINT = "Waiting for what the run publishes. Ctrl-C ends the wait, and loses nothing."
LINE_SECONDS = 15.0
LOOK_SECONDS = 2.0
LOOKED_INTO = 20  # entries: each is a file to read, perhaps over a network


class WaitBar:
    """Counts the entries that were left when it was first shown, and the parts of those in work."""

    def __init__(self, store: EntryStore) -> None:
        self.store = store
        self._seen: set[str] = set()  # entries that were left at some time: those are counted
        self._bar: Progress | None = None
        self._said = 0.0
        self._error, self._looked = "", 0.0

    def __enter__(self) -> WaitBar:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar:
            self._bar.stop()
        if self._seen:
            print(self._ended(), file=sys.stderr)

    @property
    def _total(self) -> int:
        return len(self._seen)

    def _ended(self) -> str:
        """The last line: how many of all are done, and what became of the others."""
        done, failed = (len(self._seen.intersection(self.store.ids(state))) for state in (DONE, FAILED))
        left = sorted(self._seen.intersection(self.store.left()))
        said = [f"{failed} failed"] * bool(failed) + [_left(left)] * bool(left)
        return f"Outbox: {'; '.join([f'{done} of {self._total} done', *said])}."

    def show(self, left: Sequence[str]) -> None:
        self._seen.update(left)
        if sys.stderr.isatty():
            self._draw(left)
        elif time.monotonic() - self._said >= LINE_SECONDS:
            self._said = time.monotonic()
            done = f"Outbox: {self._total - len(left)} of {self._total} done; {_left(left)}."
            print(sentences(done, on_a_screen(self.last_error())), file=sys.stderr)

    def _draw(self, left: Sequence[str]) -> None:
        if self._bar is None:
            self._bar = _bar()
            self._bar.add_task("outbox", total=self._total, note="")
            self._bar.start()
            self._bar.console.print(HINT)  # above the bar, which has no room for it in 80 columns
        parts = progress.read(self.store.folder)
        done = self._total - len(left) + sum(min(part / whole, 1.0) for part, whole in parts.values() if whole)
        note = self.last_error() or f"{_left(left)}."
        self._bar.update(self._bar.task_ids[0], total=self._total, completed=done, note=note)

    def last_error(self) -> str:
        """Why what was tried has to be tried again; empty while nothing failed."""
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            waiting = (self.store.read(PENDING, id) for id in self.store.ids(PENDING)[:LOOKED_INTO])
            failing = [entry for entry in waiting if entry and entry.error]
            last = max(failing, key=lambda entry: entry.attempts, default=None)
            self._error = " ".join(f"Last error: {last.error}".split()) if last else ""
        return self._error


def _left(ids: Sequence[str]) -> str:
    """How many entries are left, and of which kinds: those are names, and no nouns that a number could go before.

    >>> _left(["benchmarks-a"]), _left(["benchmarks-a", "hub_revisions-b", "benchmarks-c"])
    ('1 left (benchmarks)', '3 left (benchmarks: 2, hub_revisions: 1)')
    """
    counts = sorted(Counter(id.partition("-")[0] for id in ids).items())
    kinds = [kind if len(counts) == 1 else f"{kind}: {count}" for kind, count in counts]
    return f"{len(ids)} left ({', '.join(kinds)})"


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    counted = TextColumn("{task.completed:.0f} of {task.total}")
    note = TextColumn("{task.fields[note]}", markup=False, table_column=Column(ratio=1, no_wrap=True))
    columns = TextColumn("Outbox"), BarColumn(20), counted, TimeElapsedColumn(), note
    # Lines that are printed above the bar are not folded: they have paths and ids to copy.
    console = Console(stderr=True, soft_wrap=True)
    return Progress(*columns, console=console, transient=True, expand=True)
