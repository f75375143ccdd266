"""Whoever only looks changes nothing on the GPU, neither weights nor random numbers, and does not wait for it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from device import device
from transformers import TrainerCallback

import callsheet
from callsheet import LoopState, Plugin, hookimpl
from callsheet_plugins.bema import Bema
from callsheet_plugins.csv_metrics import CsvMetrics
from callsheet_plugins.progress import Progress
from callsheet_plugins.ref_sync import RefSync
from gpu.training import STEPS, identical, llama, trainer


def trained(folder: Path, *callbacks: Any) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], list[Any]]:
    """The weights, the random states of the devices and those of Python and numpy after a training with dropout."""
    model = llama(attention_dropout=0.3)
    about = {"eval_strategy": "steps", "eval_steps": 3, "save_steps": 3, "logging_steps": 1, "bf16": True}
    trainer(folder, *callbacks, model=model, **about).train()
    states = {"cpu": torch.get_rng_state()}
    if device() == "cuda":
        states["cuda"] = torch.cuda.get_rng_state()
    return dict(model.state_dict()), states, [random.getstate(), numpy.random.get_state()[1].tolist()]


def test_observing_changes_nothing(tmp_path: Path, deterministic: None) -> None:
    bare = trained(tmp_path / "bare")
    observers = [each(on_error="raise") for each in (CsvMetrics, Progress)]
    both = Bema(update_freq=2, evaluate_with="both")
    for name, plugins in (("none", []), ("observers", observers), ("bema", [Bema(update_freq=2)]), ("both", [both])):
        weights, states, others = trained(tmp_path / name, *callsheet.callbacks(*plugins))
        assert identical(weights, bare[0]), name
        assert identical(states, bare[1]) and others == bare[2], name


class Mode(TrainerCallback):
    """From here on, what waits for the GPU in a step's hooks is an error, or is none; not in the last step."""

    def __init__(self, mode: str, after: int = 0) -> None:
        self.mode, self.after = mode, after

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.after <= state.global_step < STEPS - 1:
            torch.cuda.set_sync_debug_mode(self.mode)

    on_step_end = on_step_begin


@pytest.fixture
def allowed() -> Iterator[None]:
    yield
    torch.cuda.set_sync_debug_mode("default")


def watched(folder: Path, *plugins: Plugin, after: int = 0) -> None:
    """Train with `plugins`, whose hooks in a step must not wait for the GPU; `after` so many steps."""
    made = trainer(folder, Mode("error", after), bf16=True, save_strategy="no", logging_steps=1)
    made.ref_model = llama(1)  # type: ignore[attr-defined]  # as a trainer with a reference has it
    callsheet.attach(made, *plugins)
    made.add_callback(Mode("default", after))
    made.train()
    assert made.state.global_step == STEPS


@pytest.mark.gpu
@pytest.mark.parametrize("where", ["cpu", "cuda", "auto"])
def test_no_hook_of_a_step_waits_for_the_gpu(tmp_path: Path, where: str, allowed: None) -> None:
    observers = [CsvMetrics(on_error="raise")]  # progress reads what it shows, a few times in a second
    syncing = RefSync(ref_model_sync_steps=1)  # how far it moved is read when the trainer logs
    moved = 2 if where == "auto" else 0  # the first step decides where the average is, and moves it
    watched(tmp_path, Bema(update_freq=1, device=where), syncing, *observers, after=moved)


@pytest.mark.gpu
def test_reading_a_metric_waits_for_it(tmp_path: Path, allowed: None) -> None:
    class Reads(Plugin):
        @hookimpl
        def on_step_end(self, state: LoopState, step_idx: int, metrics: Mapping[str, float]) -> None:
            metrics["loss"]

    with pytest.raises(Exception, match="synchronizing"):
        watched(tmp_path, Reads(on_error="raise"))
