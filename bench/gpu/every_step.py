"""What an update at every step costs: in main memory, on the device, and TRL's on the device."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from trl import BEMACallback

import callsheet
from gpu.table import Row, at_most, write
from gpu.training import WARM_UP, Steps, llama, mean, median, train

ROUNDS, STEPS = 2, 28
COUNTED = (WARM_UP + 1, STEPS - 1)  # the last step forms the average too
MB = 1e6


class Theirs(BEMACallback):
    """TRL's, which leaves no model behind."""

    def on_train_end(self, *args: Any, **kwargs: Any) -> None:
        pass


def ours(device: str) -> list[Any]:
    overrides = ["plugins.bema.update_freq=1", f"plugins.bema.device={device}"]
    return [*callsheet.callbacks("bema", overrides=overrides)]


VARIANTS: dict[str, Callable[[], list[Any]]] = {
    "bare": lambda: [],
    "cpu": lambda: ours("cpu"),
    "cuda": lambda: ours("cuda"),
    "TRL": lambda: [Theirs(update_freq=1, device="cuda")],
}


def rows() -> Iterator[Row]:
    model = llama()
    count = sum(parameter.numel() for parameter in model.parameters())
    train(model, [], WARM_UP + 2)
    runs: dict[str, list[Steps]] = {name: [] for name in VARIANTS}
    for _ in range(ROUNDS):
        for name, callbacks in VARIANTS.items():
            runs[name].append(train(model, callbacks(), STEPS))
    gaps = {name: [each.between(*COUNTED) for each in each_run] for name, each_run in runs.items()}
    ratio = {name: mean(gaps[name]) / mean(gaps["bare"]) for name in VARIANTS}
    beside = {name: f"medians {median(gaps[name]) / median(gaps['bare']):.3f}" for name in VARIANTS}
    yield at_most("an update every step in main memory / bare", ratio["cpu"], 1.25, beside=beside["cpu"])
    theirs = f"{beside['cuda']}; TRL {ratio['TRL']:.3f}"
    yield at_most("an update every step on the device / bare", ratio["cuda"], 1.06, beside=theirs)
    on_top = {
        name: max(r.device_memory for r in runs[name]) - max(r.device_memory for r in runs["bare"]) for name in runs
    }
    copies = ", ".join(f"{name} {on_top[name] / (4 * count):.2f}" for name in ("cpu", "cuda", "TRL"))
    yield Row("  device memory on top, float32 copies", copies)


if __name__ == "__main__":
    write(rows)
