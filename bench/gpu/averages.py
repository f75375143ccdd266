"""What a training pays for an average in main memory that is updated every ten steps, and for its checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import callsheet
from gpu.table import Row, at_most, write
from gpu.training import WARM_UP, Steps, llama, main_memory, mean, median, train

ROUNDS, FREQ, STEPS = 3, 10, 40
COUNTED = (WARM_UP + 1, 33)  # steps with three updates; the last update, at step 40, forms the average too
SAVED_AT = 15
MB = 1e6
STAGING = 256 * MB  # of the device


def bema() -> list[Any]:
    return [*callsheet.callbacks("bema", overrides=[f"plugins.bema.update_freq={FREQ}", "plugins.bema.device=cpu"])]


def rows() -> Iterator[Row]:
    model = llama()
    count = sum(parameter.numel() for parameter in model.parameters())
    train(model, [], WARM_UP + 2)
    bare, averaged = [], []
    for _ in range(ROUNDS):
        bare.append(train(model, [], STEPS))
        averaged.append(train(model, bema(), STEPS))
    ours, theirs = ([each.between(*COUNTED) for each in runs] for runs in (averaged, bare))
    step = median(theirs)
    yield Row("a bare step, 953 M bfloat16 parameters, 4 x 1024", f"{step:.1f} ms, mean {mean(theirs):.1f}")
    beside = f"medians {median(ours) / step:.3f}"
    yield at_most("bema in main memory every 10, mean step / bare", mean(ours) / mean(theirs), 1.01, beside=beside)
    slowest = [max(each.between(WARM_UP + 1, STEPS)) for each in averaged]
    beside = f"{', '.join(f'{gap / step:.2f}' for gap in slowest)}; of bare {max(map(max, theirs)) / step:.2f}"
    yield at_most("  its slowest step / bare median, last update too", max(slowest) / step, 1.5, "{:.2f}", beside)
    yield at_most("  device memory on top, MB", _on_top(averaged, bare) / MB, STAGING / MB, "{:.0f}")
    yield _main_memory(averaged[0], bare[0], count)
    yield from checkpoint(model, step)


def _on_top(averaged: list[Steps], bare: list[Steps]) -> float:
    return max(run.device_memory for run in averaged) - max(run.device_memory for run in bare)


def _main_memory(averaged: Steps, bare: Steps, count: int) -> Row:
    """What it holds beyond the bare training: the process's own, in which pinned memory may or may not be counted."""
    more = {name: averaged.main_memory[name] - bare.main_memory[name] for name in main_memory()}
    held = more["held"] if more["held"] >= more["pinned"] else more["held"] + more["pinned"]
    copy = 4 * count
    beside = f"{held / MB:.0f} MB, of the machine {-more['left'] / MB:.0f} MB"
    return at_most("  main memory, in float32 copies: one and one to stage", held / copy, 2.05, "{:.2f}", beside)


def checkpoint(model: Any, step: float) -> Iterator[Row]:
    run = train(model, bema(), 2 * SAVED_AT - 1, save_strategy="steps", save_steps=SAVED_AT, save_only_model=True)
    own = run.saves[0]  # Trainer also saves its last step
    left = run.gaps[SAVED_AT - 1] - own
    after = max(run.between(SAVED_AT + 1, 2 * SAVED_AT - 3))
    beside = f"the bare save {own:.0f} ms; slowest step after it {after / step:.2f}"
    yield at_most("  a step with a checkpoint, less the bare save", left / step, 1.5, "{:.2f}", beside)


if __name__ == "__main__":
    write(rows)
