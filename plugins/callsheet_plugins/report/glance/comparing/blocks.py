"""A block of lines for the screen: a table of runs side by side, and sentences that fold."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from math import inf

from callsheet.screen import in_a_line
from callsheet_plugins.report.glance.comparing.sides import Row
from callsheet_plugins.report.glance.fitting import GAP, Cells, fitted, width_of

MISSING = "-"
WIDEST_NAME = 36  # columns of a terminal
LEAST_CELL, WIDEST_CELL = 12, 40
ABREAST = 4  # runs that stand beside each other where their cells can be cut


def block(title: str, rows: Sequence[Row], marks: Sequence[str], room: float) -> Iterator[str]:
    """A line for each row; of runs that are too many for the screen, the later ones stand below the first."""
    names = [in_a_line(row.name) for row in rows]
    left = room - min(WIDEST_NAME, max(map(width_of, [title, *names])))
    most = inf if room == inf else max(LEAST_CELL, min(WIDEST_CELL, int(left) // min(len(marks), ABREAST) - GAP))
    columns = [[in_a_line(row.cells[place]) or MISSING for row in rows] for place in range(len(marks))]
    widths = [int(min(most, max(map(width_of, [mark, *cells])))) for mark, cells in zip(marks, columns, strict=True)]
    for first, last in _pieces(widths, left):
        named = Cells(title, names, 0, least=WIDEST_NAME, is_cut_in_the_middle=True)
        shown = range(first, last)
        yield from fitted([named, *(Cells(marks[at], columns[at], at + 1, least=8, most=most) for at in shown)], room)[
            0
        ]


def folded(line: str, room: float) -> list[str]:
    """A sentence in as many lines as it needs, the later ones further in."""
    if room == inf or width_of(line) <= room:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(line.strip(), int(room), initial_indent=indent, subsequent_indent=f"{indent}  ")


def _pieces(widths: Sequence[int], room: float) -> Iterator[tuple[int, int]]:
    first, used = 0, 0
    for place, width in enumerate(widths):
        if place > first and used + width + GAP > room:
            yield first, place
            first, used = place, 0
        used += width + GAP
    yield first, len(widths)
