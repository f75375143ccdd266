"""The runs that are compared: without the plugins, with them, and resumed with and without them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from callsheet.testing.observing import comparing
from callsheet.testing.observing.left import Before
from callsheet.testing.trainers import OVERRIDES, ROWS, SMALL, TINY

if TYPE_CHECKING:
    from callsheet.hooks import Plugin

PROBE = "callsheet.testing.observing.probe.Probe"
RUN = (
    "trainer.args.save_total_limit=null",
    "trainer.args.eval_strategy=steps",
    "trainer.args.eval_steps=2",
    "trainer.args.logging_steps=1",
    "+model.kwargs.attention_dropout=0.1",
)
FSDP_ON_CPU = Path(__file__).parents[1] / "fsdp_on_cpu"  # for PYTHONPATH
TAIL = 4000  # characters of what a command said
KEEPS_DROPOUT = ("dpo", "kto", "reward", "grpo", "rloo")  # the others have no argument to switch it off
ENGINES = ("ddp", "zero2", "zero3", "fsdp2")
OF_PLUGINS = ("plugins", "+plugins", "++plugins", "~plugins", "outbox")


@dataclass(frozen=True)
class Setting:
    """What runs with and without plugins have in common."""

    trainer: str
    engine: str
    overrides: tuple[str, ...]

    @property
    def half(self) -> int:
        """The step from whose checkpoint a run is resumed; two processes take their time for each step."""
        return 3 if self.engine == "single" else 2

    @property
    def common(self) -> list[str]:
        return [*RUN, f"trainer.args.max_steps={2 * self.half}", f"trainer.args.save_steps={self.half}"]


@dataclass
class Seen:
    """What the probe has seen of one run on each rank, and what the run left behind."""

    folder: Path
    left: Mapping[str, str] = field(default_factory=dict)

    @property
    def ranks(self) -> list[list[comparing.Line]]:
        return [comparing.read(file) for file in sorted((self.folder / "probe").glob("*.jsonl"))]

    @property
    def failures(self) -> list[str]:
        """Hooks of plugins that raised, in sentences."""
        events = (self.folder / "run" / "events.jsonl").read_text(encoding="utf-8").splitlines()
        failed = [event for event in map(json.loads, events) if event["event"] == "plugin_failed"]
        return [f"{event['plugin']} raised in {event['hook']}: {event['error']}" for event in failed]


class Runs:
    """Makes runs; those without plugins once for each setting."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made: dict[tuple[Setting, bool], Seen] = {}
        self._number = 0

    def without(self, setting: Setting, *, resumed: bool) -> Seen:
        if (setting, resumed) not in self._made:
            start = self.without(setting, resumed=False) if resumed else None
            self._made[setting, resumed] = self.make(setting, ["plugins=[]"], [], start)
        return self._made[setting, resumed]

    def make(
        self, setting: Setting, overrides: Sequence[str], plugins: Sequence[Plugin], start: Seen | None = None
    ) -> Seen:
        """One run; from the checkpoint in the middle of `start`, if it is given."""
        self._number += 1
        folder = self.folder / f"{self._number}-{setting.engine}"
        folder.mkdir(parents=True)
        places = [
            f"output_dir={folder / 'run'}",
            f"callbacks.probe.path={PROBE}",
            f"callbacks.probe.folder={folder / 'probe'}",
        ]
        resume = [f"resume={start.folder / 'run' / f'checkpoint-{setting.half}'}"] if start else []
        composed = [*_common(setting, self.folder), *places, *setting.overrides, *overrides, *resume]
        if setting.engine == "single":
            return Seen(folder, _in_this_process(composed, [*setting.overrides, *overrides], plugins))
        _command(composed, setting.engine, folder)
        return Seen(folder)


def _common(setting: Setting, folder: Path) -> list[str]:
    if setting.trainer == "sft":
        small = (item for item in SMALL if not item.startswith(OF_PLUGINS))
        return [*small, "dataset.eval_split=train[:16]", *setting.common]
    data = folder / f"{setting.trainer}.jsonl"  # one file, because a resumed run must have the same
    data.write_text("".join(json.dumps(row) + "\n" for row in ROWS[setting.trainer]))
    evaluation = [f"dataset.eval_path={data}", "dataset.eval_split=train", "trainer.args.per_device_eval_batch_size=2"]
    dropout = ["trainer.args.disable_dropout=false"] if setting.trainer in KEEPS_DROPOUT else []
    own = [f"trainer={setting.trainer}", f"dataset.path={data}", *OVERRIDES.get(setting.trainer, ())]
    return [*TINY, *own, *evaluation, *setting.common, *dropout]


def _in_this_process(composed: Sequence[str], typed: Sequence[str], plugins: Sequence[Plugin]) -> dict[str, str]:
    from callsheet.config.compose import compose
    from callsheet.config.plan import make_plan
    from callsheet.run.train import train

    before = Before()
    plan = make_plan(compose(composed), typed)
    extra = {type(plugin).__name__.lower(): plugin for plugin in plugins}
    state = train(replace(plan, plugins={**plan.plugins, **extra})).state
    return before.left(state.model, state.trainer, state.optimizer)


def run_command(command: list[str], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command that starts workers."""
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def _command(composed: Sequence[str], engine: str, folder: Path) -> None:
    paths = [str(FSDP_ON_CPU) if engine == "fsdp2" else "", os.environ.get("PYTHONPATH", "")]
    path = os.pathsep.join(filter(None, paths))
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    world = [f"launch={engine}", "launch.processes=2", "trainer.args.use_cpu=true", "trainer.args.bf16=false"]
    command = [sys.executable, "-m", "callsheet", "train", *composed, *world]
    done = run_command(command, folder, environment)
    if done.returncode:
        said = (done.stdout + done.stderr)[-TAIL:]
        raise AssertionError(f"The run under {engine} ended with code {done.returncode}:\n{said}")
