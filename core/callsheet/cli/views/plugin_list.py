"""`callsheet plugins`: everything that packages bring, and why something of it cannot be used, importing none of it."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from callsheet.cli.views.columns import aligned
from callsheet.errors import CallsheetError
from callsheet.plugins import entry_points
from callsheet.plugins.entry_points import Installed
from callsheet.plugins.groups import COMMANDS, GROUPS, PLUGINS
from callsheet.plugins.summaries import summary_of

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Row:
    """One entry point; `fault` says why it could not be used, and `summary` is then empty."""

    name: str
    distribution: str
    version: str
    summary: str = ""
    fault: str = ""

    @property
    def line(self) -> str:
        return f"broken: {self.fault}" if self.fault else self.summary


@dataclass(frozen=True)
class Listing:
    """The `plugins`, and by what they are called the entries of the `other` groups; `unreadable` files are faults."""

    plugins: Sequence[Row]
    other: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    unreadable: Sequence[str] = ()


def listing(own_commands: Collection[str] = ()) -> Listing:
    """Everything installed, in alphabetical order; `own_commands` cannot be replaced by those of packages."""
    rows = {group: [_row(found, own_commands) for found in entry_points.installed(group).values()] for group in GROUPS}
    other = {group.noun: rows[group] for group in GROUPS if group is not PLUGINS}
    return Listing(rows[PLUGINS], other, entry_points.read().unreadable)


def show(listing: Listing, console: Console | None = None) -> None:
    """Print a table on a terminal, and plain lines for `grep` anywhere else; rich is imported for the table only."""
    if console is None and sys.stdout.isatty():
        from rich.console import Console

        console = Console()
    if console is not None and console.is_terminal:
        _show_table(listing, console)
        return
    lines = aligned((row.name, row.distribution, row.version, row.line) for row in listing.plugins)
    lines = [*(lines or ["No plugins are installed."]), *_below(listing)]
    print("\n".join(lines), file=console.file if console else None)


def _show_table(listing: Listing, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table("plugin", "distribution", "version", "", box=None, pad_edge=False, header_style="dim")
    for row in listing.plugins:
        line = Text(row.line, style="red" if row.fault else "")
        table.add_row(Text(row.name, style="bold"), Text(row.distribution), Text(row.version), line)
    console.print(table if listing.plugins else "No plugins are installed.")
    for text in _below(listing):
        console.print(Text(text, style="red" if "broken: " in text else ""))


def _below(listing: Listing) -> Iterator[str]:
    """One line for each other group, and one for each fault."""
    width = max((len(noun) + 3 for noun in listing.other), default=0)
    for noun, rows in listing.other.items():
        if sound := [row for row in rows if not row.fault]:
            yield f"{noun + 's:':{width}} {_by_origin(sound)}"
        for row in rows:
            if row.fault:
                yield f"{noun} {row.name} ({row.distribution} {row.version})  {row.line}"
    yield from (f"broken: {said}" for said in listing.unreadable)


def _by_origin(rows: Sequence[Row]) -> str:
    """
    >>> _by_origin([Row("local", "callsheet", "1.0"), Row("far", "other", "2.0"), Row("slurm", "callsheet", "1.0")])
    'local, slurm (callsheet 1.0); far (other 2.0)'
    """
    origins = dict.fromkeys((row.distribution, row.version) for row in rows)
    names = {origin: [row.name for row in rows if (row.distribution, row.version) == origin] for origin in origins}
    return "; ".join(f"{', '.join(names[origin])} ({' '.join(origin)})" for origin in origins)


def _row(found: Installed, own_commands: Collection[str]) -> Row:
    try:
        if found.group is COMMANDS and found.name in own_commands:
            raise CallsheetError(f"callsheet has a command {found.name!r} of its own, which cannot be replaced.")
        return Row(found.name, found.distribution, found.version, summary=summary_of(found))
    except CallsheetError as error:
        return Row(found.name, found.distribution, found.version, fault=str(error))
