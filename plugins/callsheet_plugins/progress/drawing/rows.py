"""Which lines a board gets: those that matter most, if there is no room for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from callsheet_plugins.progress.board import Board
from callsheet_plugins.progress.drawing import heading, results, tables
from callsheet_plugins.progress.drawing.fitting import Fitter, Line
from callsheet_plugins.progress.words import grouped, of_set


@dataclass(frozen=True)
class Part:
    """A part of the display: it wants `lines`, at least one, and `draw` makes as many as it gets.

    Those of the lowest `rank` get theirs first.
    """

    rank: int
    lines: int
    draw: Callable[[int], Sequence[Line]]


def rows(board: Board, height: int, fit: Fitter) -> list[Line]:
    """At most `height` lines, none wider than the fitter's width."""
    parts = [*_parts(board, fit)]
    order = sorted(range(len(parts)), key=lambda number: parts[number].rank)
    given = dict.fromkeys(order[:height], 1)
    for number in given:
        given[number] += max(0, min(height - sum(given.values()), parts[number].lines - 1))
    lines = [line for number in sorted(given) for line in parts[number].draw(given[number])]
    return [fit.fitted(line) for line in lines]


def _parts(board: Board, fit: Fitter) -> Iterator[Part]:
    yield Part(0, 1, lambda lines: [heading.training(board, fit)])
    yield Part(2, 1, lambda lines: [heading.pace(board, fit)])
    if board.evaluating:
        yield Part(3, 1, lambda lines: [heading.evaluating(board, fit)])
    yield Part(1, 1, lambda lines: [heading.figures(board, fit)])
    if groups := grouped(board.metrics, leaving=heading.shown(board)):
        wanted = sum(tables.rows_of(found, fit) for found in groups.values())
        yield Part(6, wanted, lambda lines: tables.metrics(groups, lines, fit))
    for name, evaluation in board.evaluations.items():
        wanted = tables.rows_of(of_set(name, evaluation.metrics), fit)
        yield Part(5, wanted, partial(tables.evaluation, name, evaluation, fit=fit))
    if known := board.scores:
        yield Part(4, len(known), lambda lines: results.scores(known, lines, fit))
    if (outbox := board.outbox()) and not board.is_over:
        yield Part(4, 1, lambda lines: [results.outbox(outbox, fit)])
    if cost := board.cost():
        yield Part(8, 1, lambda lines: [results.cost(cost, board, fit)])
    if board.repeats.counts:
        yield Part(7, 1, lambda lines: [results.warnings(board, fit)])
