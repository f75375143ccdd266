"""A run without a trainer: what a plugin is told, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from callsheet import ArmResult, LogContext, LoopState, RunResult
from callsheet_plugins.progress import Progress


class LazyMetrics(Mapping[str, float]):
    """Counts how often a value is read, as each read would wait for the device."""

    def __init__(self) -> None:
        self.reads = 0

    def __getitem__(self, name: str) -> float:
        self.reads += 1
        return {"loss": 1.2345678, "learning_rate": 0.001}[name]

    def __iter__(self) -> Iterator[str]:
        return iter(("loss", "learning_rate"))

    def __len__(self) -> int:
        return 2


def begin(plugin: Progress, max_steps: int, step: int = 0) -> LoopState:
    state = LoopState(LogContext(Path()), lambda *a: None, lambda *a: None, step=step, max_steps=max_steps)
    plugin.on_train_start(state)
    return state


def steps(plugin: Progress, state: LoopState, last: int, metrics: Mapping[str, Any] | None = None) -> None:
    for step in range(state.step + 1, last + 1):
        state.step = step
        plugin.on_step_end(state, step, [], LazyMetrics() if metrics is None else metrics)


def run(plugin: Progress, max_steps: int, metrics: Mapping[str, float], first: int = 0) -> LoopState:
    state = begin(plugin, max_steps, first)
    steps(plugin, state, max_steps, metrics)
    return state


def end(plugin: Progress) -> None:
    plugin.on_run_end(LogContext(Path()), RunResult("completed"), ArmResult("arm"))
