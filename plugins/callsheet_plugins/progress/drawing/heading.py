"""The first lines: how far the training and its evaluation are, how fast they go, and the figures of the step."""

from __future__ import annotations

import math
from typing import Any

from callsheet_plugins.progress.board import Board
from callsheet_plugins.progress.drawing.fitting import Fitter, Line
from callsheet_plugins.progress.words import clean, clock, scaled, short, speed

NARROW = 60  # columns, below which a line says what matters most and nothing else
FIRST = ("reward", "loss", "kl", "learning_rate", "grad_norm", "completions/mean_length")
NAMES = {"learning_rate": "lr", "grad_norm": "grad norm", "completions/mean_length": "length"}


def training(board: Board, fit: Fitter) -> Line:
    behind, last = _behind(board, fit), board.pace.last
    share = min(1.0, board.step / last) if last > 0 else 0.0
    return [*fit.label("train"), *fit.bar(share, fit.beside(behind), "green"), *behind]


def _behind(board: Board, fit: Fitter) -> Line:
    """What stands behind the bar of the training, as wide at each step."""
    last, step = board.pace.last, board.step
    counted = f"{step:>{len(str(last))}}/{last}" if last > 0 else f"step {step}"
    share = math.floor(100 * min(1.0, step / last)) if last > 0 else 0
    percent = f" {share:3}%" if fit.width >= NARROW and last > 0 else ""
    return [(f" {counted}", "bold"), (percent, ""), (f"  {_time(board):<12}", "cyan")]


def _time(board: Board) -> str:
    if board.is_over:
        return f"in {clock(board.pace.elapsed)}"
    return "" if (left := board.pace.left) is None else f"{clock(left)} left"


def pace(board: Board, fit: Fitter) -> Line:
    said: list[str] = []
    if (seconds := board.pace.seconds) is not None:
        said.append(speed(seconds))
    if rate := board.tokens.per_second:
        said.append(f"{scaled(rate)} tokens/s")
    if (mfu := board.mfu) is not None:
        said.append(f"MFU {mfu:.1%}")
    said.append(f"epoch {board.epoch:.2f}")
    if not board.is_over:
        said.append(f"{clock(board.pace.elapsed)} so far")
    if board.resumed_at is not None:
        said.append(f"resumed at {board.resumed_at}")
    return fit.listed("", [[(each, "dim")] for each in said])


def evaluating(board: Board, fit: Fitter) -> Line:
    it = board.evaluating
    assert it is not None
    of = max(it.of or it.done, it.done)
    counted = f" {it.done:>{len(str(of))}}/{of}" if it.of else f" {it.done}"
    behind: Line = [(counted, ""), ("" if it.name == "eval" else f"  {clean(it.name)}", "cyan")]
    share = 1.0 if it.is_over else min(1.0, it.done / of) if it.of else 0.0
    columns = min(fit.beside(behind), fit.beside(_behind(board, fit)))
    return [*fit.label("eval"), *fit.bar(share, columns, "magenta"), *behind]


def shown(board: Board) -> list[str]:
    """The metrics that the line of figures shows, the most important first."""
    names = FIRST if board.learns_by_rewards else FIRST[1:]
    known = [name for name in names if name in board.metrics or name in board.figures]
    return [*known, *(["reward_std"] if "reward" in known else [])]


def figures(board: Board, fit: Fitter) -> Line:
    known = {name: board.figures.get(name, board.metrics.get(name)) for name in shown(board)}
    spread = known.pop("reward_std", None)
    said = [
        _figure(name, value, spread if fit.width >= NARROW else None)
        for name, value in known.items()
        if value is not None and not (name == "reward" and value != value)  # NaN: nothing was generated yet
    ]
    return fit.listed("step", said or [[("nothing logged yet", "dim")]], between="   ")


def _figure(name: str, value: Any, spread: Any) -> Line:
    around = f" ± {short(spread)}" if name == "reward" and spread is not None else ""
    return [(f"{NAMES.get(name, name)} ", "dim"), (f"{_number(name, value)}{around}", style_of(value))]


def _number(name: str, value: Any) -> str:
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return short(value)
    return f"{value:.1e}" if name == "learning_rate" else f"{value:#.4g}"


def style_of(value: Any) -> str:
    is_odd = isinstance(value, float) and not math.isfinite(value)
    return "bold red" if is_odd else "bold"
