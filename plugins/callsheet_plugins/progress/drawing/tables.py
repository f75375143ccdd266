"""Metrics in columns: those of the training, by prefix, and those of each evaluation set, with their change."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from callsheet_plugins.progress.board import Evaluation
from callsheet_plugins.progress.drawing.fitting import Fitter, Line, Piece
from callsheet_plugins.progress.drawing.heading import style_of
from callsheet_plugins.progress.words import clean, of_set, short

CELL = 34  # columns of a metric: its name, its value and a gap
VALUE = 7
GAP = 2


def columns(fit: Fitter) -> int:
    return max(1, round(fit.room / CELL))


def rows_of(metrics: Mapping[str, Any], fit: Fitter) -> int:
    """How many lines they want."""
    return math.ceil(max(1, len(metrics)) / columns(fit))


def metrics(groups: Mapping[str, Mapping[str, Any]], lines: int, fit: Fitter) -> list[Line]:
    """A line for each group, then more for those that want more; what is left over is counted."""
    wanted = {group: rows_of(found, fit) for group, found in groups.items()}
    is_whole = sum(wanted.values()) <= lines or lines == 1
    room = lines if is_whole else lines - 1
    given = dict.fromkeys([*wanted][:room], 1)
    for group in given:
        given[group] += min(room - sum(given.values()), wanted[group] - 1)
    made = [line for group, most in given.items() for line in _group(group or "metrics", groups[group], most, fit)]
    if is_whole:
        return made
    seen = sum(min(len(groups[group]), most * columns(fit)) for group, most in given.items())
    hidden = sum(map(len, groups.values())) - seen
    return [*made, [*fit.label(""), (f"{fit.more} and {hidden:,} more metrics", "dim")]]


def _group(label: str, found: Mapping[str, Any], lines: int, fit: Fitter) -> list[Line]:
    shown = [*found.items()][: lines * columns(fit)]
    return _table(label, [_cell(name, value, ("", ""), fit) for name, value in shown], fit)


def evaluation(name: str, it: Evaluation, lines: int, fit: Fitter) -> list[Line]:
    """The newest metrics of an evaluation set, and by how much they are more or less than those before."""
    found, before = of_set(name, it.metrics), of_set(name, it.before)
    shown = [*found.items()][: lines * columns(fit)]
    return _table(name, [_cell(key, each, change(_by(each, before.get(key)), fit), fit) for key, each in shown], fit)


def change(by: float | None, fit: Fitter) -> Piece:
    if not by or not math.isfinite(by):
        return ("", "")
    return (f" {fit.up if by > 0 else fit.down}{short(float(f'{abs(by):.2g}'))}", "dim")


def _by(value: Any, before: Any) -> float | None:
    return value - before if all(isinstance(each, (int, float)) for each in (value, before)) else None


def _table(label: str, cells: Sequence[Line], fit: Fitter) -> list[Line]:
    across = columns(fit)
    rows = [cells[first : first + across] for first in range(0, max(1, len(cells)), across)]
    return [
        [*fit.label("" if number else label), *(piece for cell in row for piece in cell)]
        for number, row in enumerate(rows)
    ]


def _cell(name: str, value: Any, more: Piece, fit: Fitter) -> Line:
    wide = fit.room // columns(fit)
    room = wide - fit.cells(more[0])
    shown = fit.cut(short(value), max(VALUE + 2, wide // 2))
    named = fit.shortened(clean(name), room - GAP - 1 - max(VALUE, fit.cells(shown)))
    gap = max(0, room - fit.cells(named) - 1 - fit.cells(shown))
    return [(f"{named} ", "dim"), (shown, style_of(value)), more, (" " * gap, "")]
