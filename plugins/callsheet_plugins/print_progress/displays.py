"""Two displays of progress with the same four methods: a moving bar, and lines."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

BAR_REFRESH = 1.0


@dataclass
class Pace:
    """The speed of steps and the time left, measured from the first step of this process."""

    first: int
    last: int
    started: float = field(default_factory=time.monotonic)

    def at(self, step: int) -> str:
        seconds = (time.monotonic() - self.started) / max(1, step - self.first)
        speed = f"{1 / seconds:.1f} steps/s" if seconds < 1 else f"{seconds:.1f} s/step"
        return f"{speed}  {timedelta(seconds=round(seconds * (self.last - step)))} left"


@dataclass
class Lines:
    """A line every `every` steps, at the last step, and after `longest` seconds without a line."""

    console: Console
    pace: Pace
    every: int
    longest: float
    spoke: float = field(default_factory=time.monotonic)

    def step(self, step: int) -> bool:
        """A step is done; whether its figures are to be shown."""
        return step % self.every == 0 or step == self.pace.last or time.monotonic() - self.spoke >= self.longest

    def show(self, step: int, metrics: Mapping[str, float]) -> None:
        percent = f"{step / self.pace.last:4.0%}"
        self.say("  ".join([step_of(step, self.pace.last), percent, *_numbers(metrics), self.pace.at(step)]))

    def say(self, line: str) -> None:
        self.spoke = time.monotonic()
        _print(self.console, line)

    def close(self) -> None:
        """Nothing to close: every line is complete."""


class Bar:
    """A bar that moves at every step; its figures change every second and at the last step."""

    def __init__(self, console: Console, pace: Pace) -> None:
        self.pace = pace
        self.shown = 0.0
        self.progress = _progress(console)
        self.task = self.progress.add_task("", total=pace.last, completed=pace.first, figures="")
        self.progress.start()

    def step(self, step: int) -> bool:
        """A step is done, and the bar moves; whether its figures are to be shown."""
        self.progress.update(self.task, completed=step)
        return step == self.pace.last or time.monotonic() - self.shown >= BAR_REFRESH

    def show(self, step: int, metrics: Mapping[str, float]) -> None:
        self.shown = time.monotonic()
        self.progress.update(self.task, figures="  ".join([*_numbers(metrics), self.pace.at(step)]))

    def say(self, line: str) -> None:
        _print(self.progress.console, line)

    def close(self) -> None:
        self.progress.stop()


def _progress(console: Console) -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn

    columns = BarColumn(), MofNCompleteColumn(), TaskProgressColumn(), TextColumn("{task.fields[figures]}")
    return Progress(*columns, console=console, refresh_per_second=4)


def step_of(step: int, last: int) -> str:
    return f"step {step:>{len(str(last))}}/{last}"


def _numbers(metrics: Mapping[str, float]) -> list[str]:
    """The figures of a step. A reward takes the place of the loss, which says nothing of how well rewards teach; NaN
    stands for one that is not known yet."""
    first = {"reward": "reward {:#.4g}"} if "reward" in metrics else {"loss": "loss {:#.4g}"}
    forms = {**first, "learning_rate": "lr {:.1e}"}
    known = {name: metrics[name] for name in forms if name in metrics}
    return [forms[name].format(value) for name, value in known.items() if name != "reward" or not math.isnan(value)]


def _print(console: Console, line: str) -> None:
    console.print(line, soft_wrap=True, highlight=False, markup=False)
