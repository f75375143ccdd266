"""What a step of the demo costs with all first plugins, beside the same TRL trainer alone: `python bench/step.py`."""

from __future__ import annotations

import os
import statistics
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import demo
from timing import machine

from callsheet.preflight.preflight import context
from callsheet.session.session import Session
from callsheet.trainer import build

STEPS, ROUNDS = 150, 9
PLUGINS = "plugins=[bema,early_stopping,csv_metrics,progress]"
OVERRIDES = [
    "recipe=demo",
    f"trainer.args.max_steps={STEPS}",
    "trainer.args.eval_strategy=no",
    "trainer.args.save_strategy=no",
    "trainer.args.disable_tqdm=true",
    "plugins.bema.update_after=0",
]


def seconds_a_step(folder: Path, *, with_callsheet: bool) -> float:
    """Train once and return processor seconds a step."""
    from callsheet.loop.bridge import Bridge

    plan, args, material = demo.made([*OVERRIDES, PLUGINS, f"output_dir={folder}"])
    if not with_callsheet:
        return demo.seconds_a_step(build.make_trainer(plan, args, material, []), STEPS)
    with Session(context(plan), plan.plugins) as session:
        callbacks = [Bridge(session), *session.lineup.add_callbacks(session.state)]
        return demo.seconds_a_step(build.make_trainer(plan, args, material, callbacks), STEPS)


def main() -> None:
    ratios, plain = [], []
    with tempfile.TemporaryDirectory() as name:
        for number in range(ROUNDS + 1):
            pair = {}
            for with_callsheet in (False, True) if number % 2 else (True, False):
                pair[with_callsheet] = seconds_a_step(
                    Path(name) / f"{number}-{with_callsheet}", with_callsheet=with_callsheet
                )
            if number:
                ratios.append(pair[True] / pair[False])
                plain.append(pair[False])
    print(f"\n{machine()}; {ROUNDS} pairs of {STEPS} steps; TRL alone {1000 * statistics.median(plain):.2f} ms a step")
    print(f"with Callsheet and its first plugins: {statistics.median(ratios):.3f} × TRL alone", end="")
    print(f"   (pairs from {min(ratios):.3f} to {max(ratios):.3f})")


if __name__ == "__main__":
    main()
