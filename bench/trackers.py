"""What a step of the demo costs with csv_metrics and every tracker, beside one without: `python bench/trackers.py`."""

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

STEPS, ROUNDS = 100, 5
LOGGERS = "csv_metrics,tensorboard,wandb,mlflow,trackio"
OVERRIDES = [
    "recipe=demo",
    f"trainer.args.max_steps={STEPS}",
    "trainer.args.logging_steps=1",
    "trainer.args.eval_strategy=no",
    "trainer.args.save_strategy=no",
    "trainer.args.disable_tqdm=true",
]


def run(folder: Path, loggers: str) -> tuple[float, float, float]:
    """Train once: processor seconds a step; of the loggers in the loop, seconds a step and the slowest call."""
    from callsheet.loop.bridge import Bridge

    offline = ["plugins.wandb.mode=offline"] if "wandb" in loggers else []
    plan, args, material = demo.made([*OVERRIDES, f"plugins=[{loggers}]", *offline, f"output_dir={folder}"])
    with Session(context(plan), plan.plugins) as session:
        callbacks = [Bridge(session), *session.lineup.add_callbacks(session.state)]
        took = demo.seconds_a_step(build.make_trainer(plan, args, material, callbacks), STEPS)
        hooks = [cost for each in session.lineup.cost().values() for name, cost in each.items() if name == "on_log"]
    return took, sum(hook["seconds"] for hook in hooks) / STEPS, max((hook["slowest"] for hook in hooks), default=0.0)


def main() -> None:
    ratios, blocked, slowest = [], [], []
    with tempfile.TemporaryDirectory() as name:
        os.environ.update(TRACKIO_DIR=f"{name}/trackio", MLFLOW_TRACKING_URI=f"sqlite:///{name}/mlflow.db")
        for number in range(ROUNDS + 1):
            pair = {}
            for loggers in ("", LOGGERS) if number % 2 else (LOGGERS, ""):
                pair[loggers] = run(Path(name) / f"{number}-{bool(loggers)}", loggers)
            if number:
                ratios.append(pair[LOGGERS][0] / pair[""][0])
                blocked.append(pair[LOGGERS][1])
                slowest.append(pair[LOGGERS][2])
    print(f"\n{machine()}; {ROUNDS} pairs of {STEPS} steps that each log")
    print(f"with {LOGGERS}: {statistics.median(ratios):.3f} × a step without ({min(ratios):.3f} to {max(ratios):.3f})")
    print(f"they block the loop: {1000 * statistics.median(blocked):.3f} ms a step, {1000 * max(slowest):.1f} ms once")


if __name__ == "__main__":
    main()
