"""What a step costs in Callsheet's hands, with no plugin and with those that only look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import callsheet
from gpu.table import Row, at_most, write
from gpu.training import WARM_UP, Steps, llama, mean, median, train

ROUNDS, STEPS = 4, 50

VARIANTS: dict[str, Callable[[], list[Any]]] = {
    "bare": lambda: [],
    "none": lambda: [*callsheet.callbacks()],
    "observers": lambda: [*callsheet.callbacks("csv_metrics", "progress")],
}


def rows() -> Iterator[Row]:
    model = llama()
    train(model, [], WARM_UP + 2)
    runs: dict[str, list[Steps]] = {name: [] for name in VARIANTS}
    for _ in range(ROUNDS):
        for name, callbacks in VARIANTS.items():
            runs[name].append(train(model, callbacks(), WARM_UP + STEPS, logging_steps=10))
    gaps = {name: [each.between(WARM_UP + 1, WARM_UP + STEPS) for each in each_run] for name, each_run in runs.items()}
    for name, what, limit in (
        ("none", "Callsheet without plugins, mean step / bare", 1.005),
        ("observers", "Callsheet with csv_metrics, progress / bare", 1.01),
    ):
        rounds = [mean([one]) / mean([other]) for one, other in zip(gaps[name], gaps["bare"], strict=True)]
        beside = f"medians {median(gaps[name]) / median(gaps['bare']):.3f}; rounds {min(rounds):.3f}-{max(rounds):.3f}"
        yield at_most(what, mean(gaps[name]) / mean(gaps["bare"]), limit, beside=beside)


if __name__ == "__main__":
    write(rows)
