"""Runs that log a metric and train nothing, with the real plugin and a real journal."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from callsheet import LogContext, LoopArtifacts, LoopState, ManifestRow
from callsheet_plugins.halving import Halving

STEPS, EVERY = 90, 10


def order(seed: int) -> list[int]:
    """How good each of 20 arms becomes, in the order in which they begin."""
    return random.Random(seed).sample(range(1, 21), 20)


@dataclass
class Stream:
    """The run of one arm, in a folder of the experiment: `log` logs a value, and `reasons` are the stops asked for."""

    experiment: Path
    arm: str
    settings: dict[str, Any] = field(default_factory=dict)
    last: int = STEPS
    reasons: list[str] = field(default_factory=list)

    def start(self, resumed: bool = False) -> Stream:
        self.plugin = Halving(**{"metric": "score", "min_steps": EVERY, **self.settings})
        context = LogContext(self.experiment / self.arm, run=self.arm)
        self.state = LoopState(context, lambda kind, reason: self.reasons.append(reason), lambda *a: None)
        self.state.max_steps = self.last
        self.state.resumed_from = ManifestRow("checkpoint-1", 1, 0.0, Path()) if resumed else None
        self.plugin.on_train_start(self.state)
        return self

    def log(self, step: int, value: float, metric: str = "score") -> Stream:
        self.state.step = step
        self.plugin.on_log(self.state, {"loss": 1.0, metric: value})
        return self

    def evaluate(self, step: int, value: float, metric: str = "score") -> Stream:
        """As Trainer does: it logs the evaluation, too."""
        self.log(step, value, metric)
        self.plugin.on_eval(self.state, step, "eval", {metric: value, "eval_runtime": 1.0})
        return self

    def end(self) -> Stream:
        self.plugin.on_train_end(self.state, LoopArtifacts())
        return self


def stream(experiment: Path, arm: int, halving: bool = True, **settings: Any) -> Iterator[int]:
    """The steps that an arm takes, one by one; it becomes the better, the higher its number is."""
    run = Stream(experiment, f"arm-{arm}", settings)
    if halving:
        run.start()
    for step in range(1, STEPS + 1):
        yield step
        if halving and step % EVERY == 0:
            run.evaluate(step, arm / 20 * (1 - math.exp(-step / 30)))
            if run.reasons:
                return
    if halving:
        run.end()


def steps_of(experiment: Path, arms: Sequence[int], workers: int = 2) -> dict[int, int]:
    """How far each arm came, with workers that take a step each in turn, and claim the next arm when one is over."""
    waiting, steps = [*arms], dict.fromkeys(arms, 0)

    def worker() -> Iterator[None]:
        while waiting:
            arm = waiting.pop(0)
            for step in stream(experiment, arm):
                steps[arm] = step
                yield

    running = [worker() for _ in range(workers)]
    while running:
        running = [worker for worker in running if next(worker, running) is None]
    return steps
