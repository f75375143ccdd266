"""A driver of such an experiment: `python -m stub_experiment.driver ROOT ARMS` begins it, or goes on with it."""

from __future__ import annotations

import sys
from pathlib import Path

from omegaconf import OmegaConf

from callsheet import LogContext, Plugin, hookimpl, setting
from callsheet.config.experiment import ExperimentSettings
from callsheet.experiments.arms import Arm
from callsheet.experiments.driver.asked import Asked
from callsheet.experiments.driver.beginning import Begun
from callsheet.experiments.driver.drive import drive
from callsheet.experiments.driver.record import Command
from callsheet.experiments.queue.records import of
from callsheet.experiments.workers import launch
from callsheet.process import logs

from .made import command

HYDRA = OmegaConf.create({"launcher": {"_target_": "hydra._internal.core_plugins.basic_launcher.BasicLauncher"}})
METHODS = ("a", "b")
WORKER = (
    "import sys; from pathlib import Path; from stub_experiment.worker import main; sys.exit(main(Path({!r}), {{}}))"
)


class Diary(Plugin):
    """Writes down the hooks of the driver."""

    file: str = setting("diary")

    def say(self, line: str) -> None:
        with Path(self.file).open("a") as file:
            file.write(f"{line}\n")

    @hookimpl
    def on_experiment_start(self, ctx: LogContext) -> None:
        self.say("start")

    @hookimpl
    def on_group_start(self, ctx: LogContext, group_name: str) -> None:
        self.say(group_name)

    @hookimpl
    def on_experiment_end(self, ctx: LogContext) -> None:
        self.say("end")


def main(root: Path, seeds: int) -> int:
    logs.show()
    arms = [
        of(Arm(f"{method}__s{seed}", method, ("0.2", "0"), group=method, seed=seed), digest="1")
        for seed in range(seeds)
        for method in METHODS
    ]
    settings = ExperimentSettings(name="stub", repeats=seeds, workers=2)
    called = Command(cwd=str(root.parent))
    plugins = {"diary": Diary(file=str(root.parent / "diary"))}
    asked = Asked(root, settings, called, arms, lambda _: arms, lambda: plugins)
    return drive(asked, lambda begun: None, _launched).exit_code


def _launched(begun: Begun) -> int:
    return launch(begun.folder, 2, HYDRA, command=command, program=_program)


def _program(root: Path, idle: float) -> list[str]:
    return [sys.executable, "-c", WORKER.format(str(root))]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
