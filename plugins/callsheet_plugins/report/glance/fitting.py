"""A table that fits its screen: what has no room is cut, then left out, and told."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf

from callsheet.screen import cut, in_a_line

GAP = 2  # columns of a terminal between two of a table
ELLIPSIS = "…"


@dataclass(frozen=True, eq=False)  # two columns may hold the same
class Cells:
    """A column of a table: its header, a cell for each row, of any text, and how it may be cut.

    It is `least` wide at least, and cut in its `middle` or at its end; `least` of 0 means that it is never cut. Where
    there is no room for all, those of the lowest `rank` stay.
    """

    header: str
    cells: Sequence[str]
    rank: int
    is_number: bool = False
    least: int = 0
    is_cut_in_the_middle: bool = False
    most: float = inf
    style: Callable[[str], str] = str

    @property
    def wanted(self) -> int:
        """How wide it would be with all the room that there is."""
        widest = max(map(width_of, [self.header, *self.cells]))
        return int(min(widest, max(self.most, width_of(self.header))))

    @property
    def needed(self) -> int:
        return min(self.wanted, max(self.least, width_of(self.header))) if self.least else self.wanted


def columns_of_the_screen() -> float:
    """How wide a line may be: without limit where nobody looks at a terminal, unless COLUMNS says otherwise."""
    said = os.environ.get("COLUMNS", "")
    if said.isascii() and said.isdigit() and int(said) > 0:
        return int(said)
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else inf


def fitted(columns: Sequence[Cells], room: float) -> tuple[list[str], list[Cells]]:
    """The lines of a table, its header first, and the columns for which there was no room."""
    columns = [_told(column) for column in columns]
    shown = _shown(columns, room)
    widths = _widths(shown, room)
    lines = []
    for cells in [[column.header for column in shown], *zip(*(column.cells for column in shown), strict=True)]:
        placed = (_placed(*each) for each in zip(cells, widths, shown, strict=True))
        lines.append((" " * GAP).join(placed).rstrip())
    return lines, [column for column in columns if column not in shown]


def width_of(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def cut_to(text: str, width: int, *, in_the_middle: bool = False) -> str:
    """`text` in `width` columns of a terminal, with a sign where something is missing.

    >>> cut_to("demo-2026-11-20_09-30-00", 16, in_the_middle=True), cut_to("RuntimeError: no", 9)
    ('demo-20…09-30-00', 'RuntimeE…')
    """
    if width_of(text) <= width:
        return text
    if width <= 1:
        return ELLIPSIS[:width]
    head = (width - 1) // 2 if in_the_middle else width - 1
    start = _start(text, head)
    end = _start(text[::-1], width - 1 - head)[::-1] if in_the_middle else ""
    return f"{start}{ELLIPSIS}{end}"


def _told(column: Cells) -> Cells:
    """Without signs that a terminal obeys, and texts longer than a screen."""
    cells = [cut(in_a_line(cell)) for cell in column.cells]
    return replace(column, header=in_a_line(column.header), cells=cells)


def _start(text: str, width: int) -> str:
    taken = text[:width]
    while width_of(taken) > width:
        taken = taken[:-1]
    return taken


def _shown(columns: Sequence[Cells], room: float) -> list[Cells]:
    chosen: list[Cells] = []
    for column in sorted(columns, key=lambda column: column.rank):
        if not chosen or sum(each.needed + GAP for each in [*chosen, column]) - GAP <= room:
            chosen.append(column)
    return [column for column in columns if column in chosen]


def _widths(shown: Sequence[Cells], room: float) -> list[int]:
    widths = {id(column): column.needed for column in shown}
    spare = room - sum(width + GAP for width in widths.values()) + GAP
    for column in sorted(shown, key=lambda column: column.rank):
        more = int(min(max(spare, 0), column.wanted - column.needed))
        widths[id(column)] += more
        spare -= more
    if spare < 0 and shown:  # one column, and a screen narrower than that
        widths[id(shown[0])] = max(int(widths[id(shown[0])] + spare), 1)
    return [widths[id(column)] for column in shown]


def _placed(cell: str, width: int, column: Cells) -> str:
    text = cut_to(cell, width, in_the_middle=column.is_cut_in_the_middle)
    space = " " * (width - width_of(text))
    return f"{space}{column.style(text)}" if column.is_number else f"{column.style(text)}{space}"
