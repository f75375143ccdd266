"""Runs of the witness on the device under test, under any engine: processes of their own, as a user starts them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from device import device
from runs import Run

from callsheet_plugins.bema import Bema

STEPS = 6
ON_CPU = device() == "cpu"
PLUGIN = Bema(update_freq=2)
SETTINGS = (
    "plugins=[witness,observer,bema]",
    "plugins.witness.folder=.",
    "plugins.witness.keep_weights=true",
    "plugins.bema.update_freq=2",
    "plugins.bema.update_after=0",
    "trainer.args.learning_rate=1e-2",
    "trainer.args.warmup_steps=0",
    "dataset.eval_path=null",
    "dataset.split=train[:64]",
    "trainer.args.eval_strategy=no",
    f"trainer.args.use_cpu={str(ON_CPU).lower()}",
    f"trainer.args.bf16={str(not ON_CPU).lower()}",
)


def started(folder: Path, launch: str, *overrides: str) -> Run:
    """A run of six steps on one process, with a checkpoint every second one."""
    return Run(folder, *SETTINGS, *overrides, launch=launch, processes=1, on_cpu=ON_CPU)


def weights(run: Run) -> dict[int, dict[str, torch.Tensor]]:
    """What the engine held after each step, in float32 where it has that."""
    read: Any = torch.load
    return {step: read(run.folder / f"weights-{step}.pt", map_location="cpu") for step in range(STEPS + 1)}
