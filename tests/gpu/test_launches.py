"""Every engine on the GPU, with one process: that it is what it claims to be, and that bema follows its weights."""

from __future__ import annotations

from pathlib import Path

import pytest
from device import device

from gpu.engines import PLUGIN, STEPS, started, weights
from gpu.training import average, differ, formed, running

BACKEND = {"cuda": "nccl", "cpu": "gloo"}
# On a GPU, accelerate leaves a model alone that one process trains.
WRAPPERS = {
    "ddp": "LlamaForCausalLM" if device() == "cuda" else "DistributedDataParallel",
    "fsdp2": "FSDPLlamaForCausalLM",
}
ENGINES = {"zero2": "DeepSpeedZeroOptimizer", "zero3": "DeepSpeedZeroOptimizer_Stage3"}


@pytest.mark.parametrize("launch", ["ddp", "zero2", "zero3", "fsdp2"])
def test_the_engine_runs_and_bema_follows_its_weights(tmp_path: Path, launch: str) -> None:
    run = started(tmp_path, launch).wait()
    seen = next(entry for entry in run.said("witness") if "wrapper" in entry)
    assert seen["wrapper"] == WRAPPERS.get(launch, "DeepSpeedEngine") and seen["engine"] == ENGINES.get(
        launch, "NoneType"
    )
    assert BACKEND[device()] in seen["backend"]
    assert seen["dtensors"] == (seen["parameters"] if launch == "fsdp2" else 0)
    assert seen["partitioned"] == (seen["parameters"] if launch == "zero3" else 0)
    assert run.status()["world"]["engine"] == launch

    followed, saved = weights(run), formed(run.path)
    exact = {str(tensor.dtype) for tensor in saved.values()} == {"torch.float32"}
    assert differ(running(run.path, STEPS), average(PLUGIN, followed, corrected=False)) <= 1e-6
    assert differ(saved, average(PLUGIN, followed, corrected=True)) <= (1e-6 if exact else 2**-8)
