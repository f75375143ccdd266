"""The command of an arm: a function of its experiment's record and of its entry in the queue."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from callsheet.experiments import search
from callsheet.experiments.queue import Entry
from callsheet.experiments.queue.directory import Experiment
from callsheet.experiments.stages import beginning

CommandOf = Callable[[Path, Experiment, Entry], Sequence[str]]


def train(root: Path, experiment: Experiment, entry: Entry) -> list[str]:
    """`callsheet train` with the flags and overrides of the experiment, those of the arm, and where its run lies.

    A stage begins with the final weights of the stage before. Raises `CallsheetError` where there are none.
    """
    begins = beginning(run_dir(root, entry.after), entry.weights) if entry.after else []
    command = experiment.command
    return [
        *(sys.executable, "-m", "callsheet", "train"),
        *command.flags,
        *command.overrides,
        *search.overrides(experiment.settings),
        *entry.overrides,
        *begins,
        f"output_dir={run_dir(root, entry.name)}",
    ]


def run_dir(root: Path, name: str) -> Path:
    """The run directory of an arm."""
    return root / name
