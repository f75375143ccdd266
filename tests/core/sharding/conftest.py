"""A small model as each engine spreads it over ranks, and as ranks of a number that nobody started would have it."""

from __future__ import annotations

import os
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest
import torch

from callsheet.privates.deepspeed import without_compiler
from callsheet.sharding import Sharding
from callsheet.sharding.whole import Holder

ENGINES = ("plain", "fsdp2", *(("zero2", "zero3") if find_spec("deepspeed") else ()))
MANY = 10  # elements from which on ZeRO-3 keeps no whole parameter on each rank


@pytest.fixture(scope="package", autouse=True)
def deepspeed() -> None:
    """Import it once, for all ranks that are forked from here; it decides then what it runs on."""
    if find_spec("deepspeed"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DS_ACCELERATOR", "cpu")
            import_module("deepspeed")
        without_compiler()


def small_model() -> Any:
    """Parameters of 35, 5, 15 and 3 elements, which no number of ranks divides; the same each time."""
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(7, 5), torch.nn.Linear(5, 3))


def whole_weights() -> dict[str, torch.Tensor]:
    return {name: tensor.detach() for name, tensor in small_model().state_dict().items()}


def spread(engine: str, rank: int, size: int) -> Any:
    """That model under `engine`, as this rank of a process group has it."""
    model = small_model()
    if engine == "fsdp2":
        return _fsdp2(model, size)
    return _zero(model, int(engine[-1]), rank, size) if engine.startswith("zero") else model


def _fsdp2(model: Any, size: int) -> Any:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh("cpu", (size,))
    for layer in model:
        fully_shard(layer, mesh=mesh)
    return fully_shard(model, mesh=mesh)


def _zero(model: Any, stage: int, rank: int, size: int) -> Any:
    deepspeed: Any = import_module("deepspeed")
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(size)}
    deepspeed.init_distributed(dist_backend="gloo", auto_mpi_discovery=False, verbose=False)
    config = {
        "train_micro_batch_size_per_gpu": 1,
        "zero_allow_untested_optimizer": True,
        "zero_optimization": {"stage": stage, "stage3_param_persistence_threshold": MANY},
    }
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    engine = deepspeed.initialize(model=model, config=config, optimizer=optimizer)[0]
    engine.module.kept = [engine]  # as long as its model lives
    return engine.module


def of_rank(sharding: Sharding, rank: int, cuts: dict[str, tuple[int, int]]) -> Sharding:
    """`sharding` as it would be on `rank` of several."""
    sharding.rank = rank
    for name, (start, length) in cuts.items():
        shard = replace(sharding.shards[name], start=start, length=length)
        sharding.shards[name] = sharding.chosen[name] = shard
        sharding._holders[name] = [Holder(rank, start, length)] if length else []
    return sharding
