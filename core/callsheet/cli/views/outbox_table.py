"""`callsheet outbox RUN`: every entry with its state, how often it was tried, and what went wrong."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from callsheet.cli.views.ages import age
from callsheet.cli.views.columns import aligned
from callsheet.disk.regular import shown
from callsheet.errors import sentences
from callsheet.outbox.counts import settled
from callsheet.outbox.entries import Entry
from callsheet.outbox.store import ACTIVE, DONE, FAILED, PARKED, PENDING, EntryStore
from callsheet.rundir.rundir import RunDir, require_run
from callsheet.screen import on_a_screen

HEADER = ("state", "id", "kind", "key", "attempts", "age", "last error")
WIDEST = 80  # characters of a cell that the columns after it stand back for
BRIEF = ("state", "attempts", "age", "id")
COLOURS = {PENDING: "", ACTIVE: "cyan", PARKED: "yellow", DONE: "green", FAILED: "red"}


def show(run_dir: Path) -> None:
    """Print a table, oldest entry first: coloured on a terminal, plain lines for `grep` elsewhere."""
    aside = {id: row["error"] for id, row in settled(RunDir(run_dir, is_main=False)).items() if row.get("error")}
    found = [(state, _with_reason(state, entry, aside)) for state, entry in EntryStore(run_dir).entries()]
    found.sort(key=lambda pair: pair[1].put_at)
    if not found:
        require_run(run_dir)
        print(f"The outbox of {run_dir} is empty.")
    elif sys.stdout.isatty():
        _show_table(found)
    else:
        print("\n".join(aligned([HEADER, *(_cells(state, entry) for state, entry in found)], WIDEST)))


def _with_reason(state: str, entry: Entry, aside: Mapping[str, str]) -> Entry:
    """An entry that is done, with why it could not be announced, if so."""
    if state != DONE:
        return entry
    why = aside.get(entry.id)
    return replace(entry, error=f"Put aside: {why}" if why else None, advice=None)


def _show_table(found: Sequence[tuple[str, Entry]]) -> None:
    """The id stands last and errors on lines of their own, never folded: what a user copies is in one piece."""
    from rich.console import Console
    from rich.text import Text

    rows = [_cells(state, entry) for state, entry in found]
    lines = aligned([BRIEF, *((state, attempts, since, id) for state, id, _, _, attempts, since, _ in rows)])
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(lines[0], style="dim"))
    for (state, _), line, row in zip(found, lines[1:], rows, strict=True):
        console.print(Text.assemble((state, COLOURS[state]), line[len(state) :]))
        if error := row[-1]:
            console.print(Text(f"  {error}"))


def _cells(state: str, entry: Entry) -> tuple[str, ...]:
    error = on_a_screen(" ".join(sentences(entry.error, entry.advice).split()))
    since = age(time.time() - entry.put_at) if entry.put_at else ""
    return state, shown(Path(entry.id)), entry.kind, entry.key, str(entry.attempts), since, error
