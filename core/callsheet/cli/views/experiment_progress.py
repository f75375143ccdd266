"""What a driver shows while arms run: on a terminal where all of it stands, elsewhere a line for each that ended."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from callsheet.disk.standing import short
from callsheet.errors import CallsheetError, counted, first_line
from callsheet.experiments.places import DONE, FAILED, LOGS
from callsheet.experiments.queue import Entry, Queue
from callsheet.screen import cut, printable

if TYPE_CHECKING:
    from rich.live import Live

REFRESH = 2.0  # seconds between two looks at all of it, and ten times as long as one takes
Look = Callable[[int], None]


@contextmanager
def shown(folder: Path) -> Iterator[Look]:
    """Give a function that is called with the number of arms, again and again, while they run."""
    lines = Lines(folder)
    if not sys.stdout.isatty():
        yield lines.look
        return
    from rich.console import Console
    from rich.live import Live

    # The streams stay as they are: a handler of a signal, and workers, write to them, too.
    with Live(
        console=Console(highlight=False),
        auto_refresh=False,
        transient=True,
        vertical_overflow="ellipsis",
        redirect_stdout=False,
        redirect_stderr=False,
    ) as live:
        yield Table(folder, live).look


class Table:
    """What `callsheet experiment status` prints, again and again."""

    def __init__(self, folder: Path, live: Live) -> None:
        self.folder, self.live = folder, live
        self._next = 0.0

    def look(self, total: int) -> None:
        from rich.console import Group

        from callsheet.cli.views import experiment_status

        if (began := time.monotonic()) < self._next:
            return
        with suppress(CallsheetError, OSError):  # it shows, and decides nothing
            self.live.update(Group(*experiment_status.parts(experiment_status.look(self.folder))), refresh=True)
        self._next = time.monotonic() + max(REFRESH, 10 * (time.monotonic() - began))


class Lines:
    """Prints each arm once, when it has ended; those that had ended before the driver began are counted alone."""

    def __init__(self, folder: Path) -> None:
        self.queue = Queue(folder)
        self._seen = dict(self._over())
        self._total = 0

    def look(self, total: int) -> None:
        over = dict(self._over())
        if not self._total:
            ended = len(self._seen.keys() & over.keys())  # some may be run again
            there = f", of which {ended} {'has' if ended == 1 else 'have'} ended" if ended else ""
            click.echo(f"Experiment in {short(self.queue.root)}: {counted(total, 'arm')}{there}.", err=True)
        self._total = total
        for name, state in over.items():
            if self._seen.get(name) != state:
                self._seen[name] = state
                self._say(self.queue.read(state, name))
        self._seen = over  # an arm that is run again is no longer over

    def _over(self) -> Iterator[tuple[str, str]]:
        return ((name, state) for state in (DONE, FAILED) for name in sorted(self.queue.names(state)))

    def _say(self, arm: Entry | None) -> None:
        if arm is None:
            return
        took = sum(attempt.seconds or 0.0 for attempt in arm.attempts)
        why = f": {cut(first_line(arm.error))}" if arm.error else ""
        log = f" ({short(self.queue.root / LOGS / arm.name)}.log)" if arm.status == "failed" else ""
        width = len(str(self._total))
        said = f"{len(self._seen):{width}}/{self._total}  {arm.name}  {arm.status}, {took:.0f} s{why}{log}"
        click.echo(printable(said), err=True)
        if arm.remark:
            click.echo(printable(f"{' ' * (2 * width + 3)}{arm.remark}"), err=True)
