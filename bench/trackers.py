"""What a step of the demo costs with csv_metrics and every tracker, beside one without: `python bench/trackers.py`.

`python bench/trackers.py silent`: their server accepts, and never answers; the time of the clock is compared as well.
"""

from __future__ import annotations

import os
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import demo
from timing import machine

from callsheet.preflight.preflight import context
from callsheet.session.session import Session
from callsheet.trainer import build

STEPS, ROUNDS = 100, 5
LOGGERS = "csv_metrics,tensorboard,wandb,mlflow,trackio"
KEPT: list[socket.socket] = []
OVERRIDES = [
    "recipe=demo",
    f"trainer.args.max_steps={STEPS}",
    "trainer.args.logging_steps=1",
    "trainer.args.eval_strategy=no",
    "trainer.args.save_strategy=no",
    "trainer.args.disable_tqdm=true",
]


def silent() -> list[str]:
    """Overrides that send every tracker to a server that accepts and never answers, as long as this process lives."""
    server = socket.create_server(("127.0.0.1", 0), backlog=1024)  # which accepts by itself
    url = f"http://127.0.0.1:{server.getsockname()[1]}"
    KEPT.append(server)
    os.environ.update(WANDB_API_KEY="0" * 40, WANDB_BASE_URL=url, TRACKIO_WRITE_TOKEN="none")
    places = [f"plugins.mlflow.tracking_uri={url}", f"plugins.trackio.server_url={url}"]
    return [*places, *(f"plugins.{name}.deadline_seconds=1" for name in ("wandb", "mlflow", "trackio"))]


def run(folder: Path, loggers: str, where: list[str]) -> tuple[float, float, float, float]:
    """Train once: processor seconds a step; of the loggers in the loop, seconds a step and the slowest call.

    The last is the seconds of the clock a step, of all that training took.
    """
    from callsheet.loop.bridge import Bridge

    asked = where if loggers else []
    plan, args, material = demo.made([*OVERRIDES, f"plugins=[{loggers}]", *asked, f"output_dir={folder}"])
    with Session(context(plan), plan.plugins) as session:
        callbacks = [Bridge(session), *session.lineup.add_callbacks(session.state)]
        began = time.perf_counter()
        took = demo.seconds_a_step(build.make_trainer(plan, args, material, callbacks), STEPS)
        clock = (time.perf_counter() - began) / STEPS
        hooks = [cost for each in session.lineup.cost().values() for name, cost in each.items() if name == "on_log"]
    blocked, slowest = sum(hook["seconds"] for hook in hooks) / STEPS, [hook["slowest"] for hook in hooks]
    return took, blocked, max(slowest, default=0.0), clock


def main() -> None:
    ratios, blocked, slowest, clocks = [], [], [], []
    where = silent() if sys.argv[1:] == ["silent"] else ["plugins.wandb.mode=offline"]
    with tempfile.TemporaryDirectory() as name:
        os.environ.update(TRACKIO_DIR=f"{name}/trackio", MLFLOW_TRACKING_URI=f"sqlite:///{name}/mlflow.db")
        for number in range(ROUNDS + 1):
            pair = {}
            for loggers in ("", LOGGERS) if number % 2 else (LOGGERS, ""):
                pair[loggers] = run(Path(name) / f"{number}-{bool(loggers)}", loggers, where)
            if number:
                ratios.append(pair[LOGGERS][0] / pair[""][0])
                blocked.append(pair[LOGGERS][1])
                slowest.append(pair[LOGGERS][2])
                clocks.append(pair[LOGGERS][3] / pair[""][3])
    print(f"\n{machine()}; {ROUNDS} pairs of {STEPS} steps that each log")
    print(f"with {LOGGERS}: {statistics.median(ratios):.3f} × a step without ({min(ratios):.3f} to {max(ratios):.3f})")
    print(f"by the clock, {statistics.median(clocks):.3f} × ({min(clocks):.3f} to {max(clocks):.3f})")
    print(f"they block the loop: {1000 * statistics.median(blocked):.3f} ms a step, {1000 * max(slowest):.1f} ms once")


if __name__ == "__main__":
    main()
