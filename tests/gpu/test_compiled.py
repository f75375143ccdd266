"""bema beside a compiled model, whose kernels run as they were compiled, or as one CUDA graph."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest

import callsheet
from callsheet import LoopState, Plugin, hookimpl
from callsheet_plugins.bema import Bema
from gpu.training import average, differ, followed, formed, running, trainer

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("mode", ["default", "reduce-overhead"])
def test_the_average_of_a_compiled_model_bears_the_names_of_the_model(tmp_path: Path, mode: str) -> None:
    plugin = Bema(update_freq=3, device="cpu")
    follow = followed(tmp_path, plugin, bf16=True, torch_compile=True, torch_compile_mode=mode)
    assert differ(running(tmp_path), average(plugin, follow.weights, corrected=False)) <= 1e-6
    assert differ(formed(tmp_path), average(plugin, follow.weights, corrected=True)) <= 1e-6


def test_the_loss_of_a_step_can_be_read_after_a_cuda_graph_has_written_over_its_own(tmp_path: Path) -> None:
    class Reads(Plugin):
        last: ClassVar[list[Mapping[str, float]]] = []
        losses: ClassVar[list[float]] = []

        @hookimpl
        def on_step_end(self, state: LoopState, step_idx: int, metrics: Mapping[str, float]) -> None:
            self.losses += [metrics["loss"] for metrics in self.last]  # one step later
            self.last[:] = [metrics]

    graphs = {"torch_compile": True, "torch_compile_mode": "reduce-overhead"}
    callbacks = callsheet.callbacks(Reads(on_error="raise"))
    made = trainer(tmp_path, *callbacks, bf16=True, logging_steps=1, save_strategy="no", **graphs)
    made.train()
    logged = [row["loss"] for row in made.state.log_history if "loss" in row]
    assert pytest.approx(logged[:-1], rel=1e-3) == Reads.losses
