"""Columns of text, aligned for a terminal and for grep."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf

from callsheet.screen import cut, printable


def aligned(rows: Iterable[Sequence[str]], widest: float = inf, *, whole: bool = False) -> list[str]:
    """Lines with columns as wide as their widest cell that is no wider than `widest`.

    A cell longer than a screen takes loses its middle, unless it is to be `whole`: a text from a damaged file may have
    any length.

    >>> aligned([("bema", "callsheet"), ("hub_revisions", "callsheet-hub")])
    ['bema           callsheet', 'hub_revisions  callsheet-hub']
    """
    shown = printable if whole else lambda cell: cut(printable(cell))
    table = [[shown(cell).replace("\n", "\\n") for cell in row] for row in rows]
    columns = zip(*table, strict=True)
    widths = [max((len(cell) for cell in column if len(cell) <= widest), default=0) for column in columns]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in table]
