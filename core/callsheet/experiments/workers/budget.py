"""The budget of an experiment: when no further arm begins."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from callsheet.errors import counted
from callsheet.experiments.places import ARMS
from callsheet.experiments.queue import Queue
from callsheet.experiments.queue.directory import Experiment

BEGUN = f"{ARMS}/begun"  # a numbered file for each arm that has begun, which holds its name; only under budget.runs
NAME_MAX = 1024


class Purse:
    """What is left of the budget; any number of workers spend from it at once."""

    def __init__(self, queue: Queue, experiment: Experiment) -> None:
        self.queue = queue
        self.budget, self.began = experiment.settings.budget, experiment.began
        self._known: dict[int, str] = {}

    def is_out_of_time(self) -> bool:
        return self.budget.hours is not None and time.time() - self.began > self.budget.hours * 3600

    def allowed(self, names: Sequence[str]) -> list[str]:
        """Those that may begin, or go on, as far as can be seen before they are claimed."""
        if self.budget.runs is None or len(begun := self._begun()) < self.budget.runs:
            return [*names]
        return [name for name in names if name in {*begun.values()}]

    def spend(self, name: str) -> bool:
        """Count a claimed arm; False when others have just used up what was left. One that had begun counts once."""
        if self.budget.runs is None:
            return True
        begun = self._begun()
        if name in begun.values():
            return True
        free = (number for number in range(self.budget.runs) if number not in begun)
        return any(self._write(number, name) for number in free)

    def used_up(self) -> str:
        """Why no further arm begins, in a sentence; empty while some may."""
        if self.is_out_of_time():
            return f"The budget of {counted_hours(self.budget.hours)} is used up: no further arm begins."
        if self.budget.runs is not None and len(self._begun()) >= self.budget.runs:
            return f"The budget of {counted(self.budget.runs, 'run')} is used up: no further arm begins."
        return ""

    def _begun(self) -> dict[int, str]:
        """By number; what a file says never changes."""
        inside = self.queue.inside
        for number in (int(name) for name in inside.names(BEGUN) if name.isdecimal()):
            if number not in self._known:
                self._known[number] = inside.read(f"{BEGUN}/{number}", NAME_MAX).decode(errors="replace")
        return self._known

    def _write(self, number: int, name: str) -> bool:
        """Write a file of this number unless there is one; it has its content from its first moment on."""
        self.queue.inside.make(BEGUN)
        with self.queue.inside.folder(BEGUN) as at:
            draft = f".{os.getpid()}.{time.monotonic_ns()}"
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, dir_fd=at)
            try:
                with os.fdopen(descriptor, "w") as file:
                    file.write(name)
                with suppress(FileExistsError):
                    os.link(draft, str(number), src_dir_fd=at, dst_dir_fd=at)
                    return True
            finally:
                os.unlink(draft, dir_fd=at)
        return False


def used_up(root: Path, experiment: Experiment) -> str:
    """Why no further arm of an experiment begins, in a sentence; empty while some may."""
    return Purse(Queue(root), experiment).used_up()


def counted_hours(hours: float | None) -> str:
    return f"{hours:g} {'hour' if hours == 1 else 'hours'}"
