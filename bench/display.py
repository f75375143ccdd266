"""What a step of the demo costs while a terminal shows it, by TRL's display and by ours: `python bench/display.py`."""

from __future__ import annotations

import os
import pty
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "TERM": "xterm-256color"}

import demo
from timing import machine

from callsheet.preflight.preflight import context
from callsheet.session.session import Session
from callsheet.trainer import build

STEPS, ROUNDS = 120, 5
OVERRIDES = [
    "recipe=demo",
    f"trainer.args.max_steps={STEPS}",
    "trainer.args.logging_steps=1",
    "trainer.args.eval_strategy=no",
    "trainer.args.save_strategy=no",
    "trainer.args.disable_tqdm=true",
    "trainer.args.report_to=[]",
    "plugins.progress.display=live",
]


def alone(folder: Path, *callbacks: Any) -> float:
    """Processor seconds a step of a TRL trainer, with what threads take that draw."""
    plan, args, material = _made(folder, "plugins=[]")
    return _seconds(build.make_trainer(plan, args, material, [*callbacks]))


def with_rich(folder: Path) -> float:
    from trl import RichProgressCallback

    return alone(folder, RichProgressCallback())


def hosted(folder: Path, plugins: str = "") -> float:
    from callsheet.loop.bridge import Bridge

    plan, args, material = _made(folder, f"plugins=[{plugins}]")
    with Session(context(plan), plan.plugins) as session:
        bridge = Bridge(session)
        callbacks = [bridge, *session.lineup.add_callbacks(session.state)]
        trainer = build.make_trainer(plan, args, material, callbacks)
        bridge.meet(trainer)
        session.lineup.hooks.on_trainer_ready(state=session.state)
        return _seconds(trainer)


def _made(folder: Path, plugins: str) -> Any:
    overrides = [*OVERRIDES, plugins, f"output_dir={folder}"]
    if plugins == "plugins=[]":
        overrides.remove("plugins.progress.display=live")
    return demo.made(overrides)


def _seconds(trainer: Any) -> float:
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)
    return demo.seconds_a_step(trainer, STEPS)


def main() -> None:
    ways: dict[str, Callable[[Path], float]] = {
        "TRL alone": alone,
        "TRL with RichProgressCallback": with_rich,
        "Callsheet without plugins": hosted,
        "Callsheet with progress": lambda folder: hosted(folder, "progress"),
    }
    far, near = pty.openpty()
    terminal = subprocess.Popen(["cat"], stdin=far, stdout=subprocess.DEVNULL)  # it reads as fast as it can
    taken: dict[str, list[float]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as folder, open(near, "w", closefd=False) as shown:
        for number in range(ROUNDS + 1):
            for name, way in ways.items():
                with redirect_stdout(shown):
                    seconds = way(Path(folder) / f"{number}-{name.replace(' ', '-')}")
                if number:
                    taken[name].append(seconds)
    terminal.kill()
    base = taken["TRL alone"]
    step = f"a step alone {1e3 * statistics.median(base):.1f} ms"
    print(f"\n{machine()}; {ROUNDS} rounds of {STEPS} steps, a log at each; {step}")
    for name, each in taken.items():
        ratios = [one / other for one, other in zip(each, base, strict=True)]
        print(f"{name}: {statistics.median(ratios):.3f} × TRL alone (from {min(ratios):.3f} to {max(ratios):.3f})")


if __name__ == "__main__":
    sys.exit(main())
