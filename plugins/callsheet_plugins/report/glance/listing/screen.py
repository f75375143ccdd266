"""What `callsheet runs` prints: a table that fits its screen, plain lines where nobody looks, or JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf

import click

from callsheet.screen import in_a_line
from callsheet.values import dumps
from callsheet_plugins.report.glance.colours import dim
from callsheet_plugins.report.glance.columns import Column
from callsheet_plugins.report.glance.finding import Columns
from callsheet_plugins.report.glance.fitting import columns_of_the_screen, cut_to, fitted
from callsheet_plugins.report.glance.listing.notes import left_out, whys
from callsheet_plugins.report.glance.listing.record import record
from callsheet_plugins.report.glance.listing.usual import MOST_SETTINGS, cells_of, ranks_of, usual
from callsheet_plugins.report.glance.look import Glance


def show(columns: Columns, glances: Sequence[Glance], asked: Sequence[Column], notes: Iterable[str]) -> None:
    """Print a line for each run, with the columns that are `asked` for, or else the usual ones that have values."""
    room = columns_of_the_screen()
    chosen = [*asked] or [*usual(columns, glances)]
    ranks = {column.name: place for place, column in enumerate(chosen)} if asked else ranks_of(columns, chosen)
    lines, dropped = fitted([cells_of(column, glances, ranks[column.name], room) for column in chosen], room)
    print(dim(lines[0]), *lines[1:], sep="\n")
    headers = [column.header for column in dropped]
    more = [] if asked else columns.settings()[MOST_SETTINGS:]
    if room < inf:
        told = whys(glances) if "why" in headers else ()
        _say([*told, *notes, *left_out([*headers, *(column.header for column in more)])], int(room))
    elif more:
        click.echo(f"callsheet: {next(left_out([column.name for column in more]))}", err=True)


def show_json(columns: Columns, glances: Sequence[Glance]) -> None:
    """Print a line of JSON for each run."""
    for glance in glances:
        print(dumps(record(columns, glance)))


def _say(notes: Sequence[str], room: int) -> None:
    """Print notes below a table, each on one line; what is longer is cut."""
    if notes:
        print()
    for note in notes:
        print(dim(cut_to(in_a_line(note), room)))
