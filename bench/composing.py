"""How long it takes to compose and check the 200 arms of an experiment: `python bench/composing.py`."""

from __future__ import annotations

import time
from collections.abc import Callable

from timing import machine

from callsheet.config.compose import compose
from callsheet.config.experiment import ExperimentSettings
from callsheet.experiments.composing.compose import composed
from callsheet.experiments.expanding.expand import arms_of

ARMS, ROUNDS, SECONDS = 200, 3, 5.0
COMMON = ["recipe=demo", "experiment=bench"]
SETTINGS = ExperimentSettings(
    name="bench",
    matrix={"trainer.args.learning_rate": [number * 1e-5 for number in range(1, ARMS + 1)]},
    success_metric="test.exact_match",
)


def seconds(work: Callable[[], object]) -> float:
    """Of this process's CPU, which counts no other process."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    arms = arms_of(SETTINGS)
    compose(COMMON)
    one = min(seconds(lambda: compose(COMMON)) for _ in range(ROUNDS * 3))
    all_arms = min(seconds(lambda: composed(arms, SETTINGS, COMMON)) for _ in range(ROUNDS))
    print(f"{ARMS} arms of the demo with its seven plugins, composed and checked; {machine()}")
    print(f"{all_arms / one:.1f} × one composition by Hydra ({one:.2f} s): {all_arms:.1f} s of CPU (goal {SECONDS} s)")
    print(f"each by itself, {ARMS} compositions alone would take {ARMS * one:.0f} s")


if __name__ == "__main__":
    main()
