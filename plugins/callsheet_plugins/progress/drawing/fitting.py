"""Texts that fit: cut, shortened and padded by the columns that a terminal gives them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from callsheet_plugins.progress.words import clean

LABELS = (10, 14)  # columns of the names on the left, below and from `WIDE` columns on
WIDE = 100
LONGEST_BAR = 60

Piece = tuple[str, str]  # a text and its style
Line = list[Piece]


class Fitter:
    """Makes pieces of lines for a display of `width` columns; `cells` says how many of them a text takes.

    With `is_plain`, it draws with ASCII alone.
    """

    def __init__(self, cells: Callable[[str], int], width: int, *, is_plain: bool = False) -> None:
        self.cells = cells
        self.width = width
        self.indent = LABELS[width >= WIDE]
        self._full, self._half, self._empty = ("#", "", "-") if is_plain else ("━", "╸", "━")
        self.more, self.up, self.down, self._dot = ("...", "+", "-", "|") if is_plain else ("…", "▲ ", "▼ ", "·")

    @property
    def room(self) -> int:
        """The columns beside the names on the left."""
        return self.width - self.indent

    def wide(self, line: Line) -> int:
        return sum(self.cells(text) for text, _ in line)

    def label(self, text: str) -> Line:
        shown = self.shortened(clean(text), self.indent - 2)
        return [(f" {shown}{' ' * (self.indent - 1 - self.cells(shown))}", "bold")]

    def bar(self, share: float, columns: int, style: str) -> Line:
        """A bar of so many columns; none where they are too few."""
        if columns < 4:
            return []
        halves = math.floor(share * columns * 2)
        full = self._full * (halves // 2) + (self._half if halves % 2 else "")
        return [(full, style), (self._empty * (columns - len(full)), "bright_black")]

    def beside(self, behind: Line) -> int:
        """How long a bar may be that has `behind` on its right."""
        return min(LONGEST_BAR, self.room - self.wide(behind))

    def listed(self, label: str, items: Sequence[Line], between: str = "") -> Line:
        """As many of the items as there is room for, the first one in any case; a sign tells that there are others."""
        between = between or f" {self._dot} "
        made = [*items[0]] if items else []
        room = self.room - self.wide(made)
        for number, item in enumerate(items[1:], 2):
            more = 0 if number == len(items) else len(self.more) + 1
            if self.wide(item) + len(between) + more > room:
                return [*self.label(label), *made, (f" {self.more}", "dim")]
            room -= self.wide(item) + len(between)
            made += [(between, "dim"), *item]
        return [*self.label(label), *made]

    def fitted(self, line: Line) -> Line:
        """`line` without what is beyond the width."""
        made: Line = []
        room = self.width
        for text, style in line:
            if self.cells(text) > room:
                return [*made, (self.cut(text, room), style)]
            made.append((text, style))
            room -= self.cells(text)
        return made

    def cut(self, text: str, columns: int) -> str:
        if self.cells(text) <= columns:
            return text
        kept = self._first(text, max(0, columns - len(self.more)))
        return f"{kept}{self.more}" if columns >= len(self.more) else ""

    def shortened(self, text: str, columns: int) -> str:
        """A name without its middle: names differ at their ends."""
        if self.cells(text) <= columns:
            return text
        room = max(0, columns - len(self.more))
        end = self._first(text[::-1], room // 2)[::-1]
        return f"{self._first(text, room - self.cells(end))}{self.more}{end}"

    def _first(self, text: str, columns: int) -> str:
        """As much of `text` as so many columns hold."""
        kept = 0
        for number, sign in enumerate(text):
            kept += self.cells(sign)
            if kept > columns:
                return text[:number]
        return text
