"""What a driver prints while the arms of its experiment run: a line for each that has ended."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from callsheet.disk.standing import short
from callsheet.experiments.places import DONE, FAILED, LOGS
from callsheet.experiments.queue import Entry, Queue
from callsheet.screen import cut, printable


class Progress:
    """Prints each arm once, when it has ended; those that had ended before the driver began are counted alone."""

    def __init__(self, folder: Path) -> None:
        self.queue = Queue(folder)
        self._seen = dict(self._over())
        self._total = 0

    def look(self, total: int) -> None:
        if not self._total:
            click.echo(begins(self.queue.root, total, len(self._seen)), err=True)
        self._total = total
        over = dict(self._over())
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
        why = f": {cut(arm.error)}" if arm.error else ""
        log = f" ({short(self.queue.root / LOGS / arm.name)}.log)" if arm.status == "failed" else ""
        width = len(str(self._total))
        said = f"{len(self._seen):{width}}/{self._total}  {arm.name}  {arm.status}, {took:.0f} s{why}{log}"
        click.echo(printable(said), err=True)
        if arm.remark:
            click.echo(printable(f"{' ' * (2 * width + 3)}{arm.remark}"), err=True)
        sys.stderr.flush()


def begins(folder: Path, total: int, over: int) -> str:
    """What is about to happen, in a line."""
    there = f", {over} of them have ended" if over else ""
    return f"Experiment in {short(folder)}: {total} {'arm' if total == 1 else 'arms'}{there}."
