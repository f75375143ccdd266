"""Progress as lines, for outputs that are kept: files, pipes, the logs of Slurm and of CI."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from callsheet_plugins.progress.board import Board
from callsheet_plugins.progress.words import clean, clock, of_set, scaled, short, speed

if TYPE_CHECKING:
    from rich.console import Console


@dataclass
class Lines:
    """A line every `every` steps, at the last step, and after `longest` seconds without a line."""

    console: Console
    board: Board
    every: int
    longest: float
    spoke: float = field(default_factory=time.monotonic)

    def step(self, step: int) -> bool:
        """A step is done; whether its figures are to be shown."""
        return step % self.every == 0 or step == self.board.pace.last or time.monotonic() - self.spoke >= self.longest

    def showed(self) -> None:
        """Its figures are on the board."""
        board = self.board
        step, last = board.step, board.pace.last
        percent = f"{step / last:4.0%}" if last > 0 else ""
        more = [f"{scaled(rate)} tokens/s"] if (rate := board.tokens.per_second) else []
        if (mfu := board.mfu) is not None:
            more.append(f"MFU {mfu:.1%}")
        self.say("  ".join([step_of(step, last), percent, *numbers(board.figures), *self._pace(), *more]))

    def say(self, line: str) -> None:
        from rich.text import Text

        self.spoke = time.monotonic()
        where, gap, rest = line.partition("  ")
        self.console.print(Text.assemble((where, "bold"), gap, rest), soft_wrap=True)

    def close(self) -> None:
        """Nothing to close: every line is complete."""

    def _pace(self) -> list[str]:
        seconds, left = self.board.pace.seconds, self.board.pace.left
        known = [] if seconds is None else [speed(seconds)]
        return known if left is None else [*known, f"{clock(left)} left"]


def step_of(step: int, last: int) -> str:
    return f"step {step:>{len(str(last))}}/{last}" if last > 0 else f"step {step}"


def numbers(metrics: Mapping[str, float]) -> list[str]:
    """The figures of a step. A reward takes the place of the loss, which says nothing of how well rewards teach; NaN
    stands for one that is not known yet."""
    first = {"reward": "reward {:#.4g}"} if "reward" in metrics else {"loss": "loss {:#.4g}"}
    forms = {**first, "learning_rate": "lr {:.1e}"}
    known = {name: metrics[name] for name in forms if name in metrics}
    return [forms[name].format(value) for name, value in known.items() if name != "reward" or not math.isnan(value)]


def eval_line(step: int, last: int, name: str, metrics: Mapping[str, Any]) -> str:
    shown = [f"{clean(key)} {short(value)}" for key, value in of_set(name, metrics).items()]
    return "  ".join([step_of(step, last), clean(name), *shown])


def score_line(step: int | None, last: int, name: str, metrics: Mapping[str, Any], change: float | None) -> str:
    """A score, perhaps of a job that came back late, with what became of its first metric since the one before."""
    shown = [f"{clean(key)} {short(value)}" for key, value in metrics.items()]
    by = [f"({change:+.4g})"] if change else []
    where = "score" if step is None else step_of(step, last)
    return "  ".join([where, clean(name), *shown[:1], *by, *shown[1:]])
