"""The last lines: scores of benchmarks, the outbox, what plugins cost, and warnings."""

from __future__ import annotations

from collections.abc import Mapping

from callsheet.errors import counted
from callsheet_plugins.progress.board import Board, Reading, Score
from callsheet_plugins.progress.drawing.fitting import Fitter, Line
from callsheet_plugins.progress.drawing.tables import change
from callsheet_plugins.progress.words import clean, short

STATES = (("failed", "failed"), ("active", "active"), ("pending", "pending"), ("parked", "left to you"))


def scores(known: Mapping[str, Score], lines: int, fit: Fitter) -> list[Line]:
    """The last score of each benchmark; those that came first are left out where there is no room."""
    return [
        [*fit.label("" if number else "scores"), *_score(name, score.metric, score.last, fit)]
        for number, (name, score) in enumerate([*known.items()][-lines:])
    ]


def _score(name: str, metric: str, it: Reading, fit: Fitter) -> Line:
    at = "" if it.step is None else f"  step {it.step}"
    by = change(it.change, fit)
    value = short(it.value)
    room = fit.room - fit.cells(f"  {value}{by[0]}{at}")
    metric = fit.shortened(clean(metric), max(8, room // 2))
    named = fit.shortened(clean(name), max(8, room - fit.cells(metric)))
    return [(f"{named} ", ""), (f"{metric} ", "dim"), (value, "bold"), by, (at, "dim")]


def outbox(kinds: Mapping[str, Mapping[str, int]], fit: Fitter) -> Line:
    return fit.listed("outbox", [_kind(kind, counts) for kind, counts in kinds.items()])


def _kind(kind: str, counts: Mapping[str, int]) -> Line:
    known = [(counts.get(state, 0), word) for state, word in STATES]
    said = [each for each in known if each[0]] or [(counts.get("done", 0), "done")]
    return [
        (clean(kind), "dim"),
        *((f" {number} {word}", "bold red" if word == "failed" else "") for number, word in said),
    ]


def cost(seconds: Mapping[str, float], board: Board, fit: Fitter) -> Line:
    """What plugins took of the time since training began, the dearest first."""
    elapsed = max(board.pace.elapsed, 1e-9)
    dear = sorted(seconds.items(), key=lambda each: -each[1])
    said = [f"{clean(name)} {took / elapsed:.1%} ({took:.1f} s)" for name, took in dear if took]
    return fit.listed("plugins", [[(each, "dim")] for each in said])


def warnings(board: Board, fit: Fitter) -> Line:
    """How many kinds there were, and the one that came most often."""
    text, times = board.repeats.worst()
    repeated = board.repeats.repeated
    again = f", {counted(repeated, 'repeat')} not shown" if repeated else ""
    most = f"  {times:,} × {clean(text)}" if repeated else f"  {clean(text)}"
    return [*fit.label("warnings"), (f"{counted(board.repeats.kinds, 'kind')}{again}", "yellow"), (most, "dim")]
