"""The names and the shards of a model's parameters, whatever is put around it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from accelerate import Accelerator
from ranks import on_ranks
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper

from callsheet.errors import CallsheetError
from callsheet.records import LoopState
from callsheet.sharding import unwrapped
from callsheet.sharding.model import plain_name, shards_of
from core.sharding.conftest import small_model

NAMES = ["0.weight", "0.bias", "1.weight", "1.bias"]


def wrapped() -> dict[str, Any]:
    recomputing = small_model()
    recomputing[0] = checkpoint_wrapper(recomputing[0])
    compiled = small_model()
    compiled[1] = torch.compile(compiled[1])  # compiles when it is called, which nobody does
    return {"plain": small_model(), "recomputing": recomputing, "compiled": compiled}


@pytest.mark.parametrize("kind", wrapped())
def test_wrappers_inside_a_model_change_no_name(kind: str) -> None:
    assert [*shards_of(wrapped()[kind])] == NAMES


def test_a_name_without_wrappers_stays_as_it_is() -> None:
    for name in ("model.layers.0.mlp.weight", "_orig_model.weight", "checkpoint_wrapped_module.weight"):
        assert plain_name(name) == name
    assert plain_name("_orig_mod.layers.0._checkpoint_wrapped_module.w") == "layers.0.w"


def test_parameters_that_are_one_have_one_shard() -> None:
    model = torch.nn.ModuleDict({"embed": torch.nn.Embedding(4, 3), "head": torch.nn.Linear(3, 4, bias=False)})
    cast(Any, model["head"]).weight = cast(Any, model["embed"]).weight
    assert [*shards_of(model)] == ["embed.weight"]


def test_the_model_is_found_below_compilation_and_without_an_accelerator() -> None:
    model = small_model()
    compiled = torch.compile(model)
    alone = cast(LoopState, SimpleNamespace(accelerator=None, model=model))
    prepared = cast(LoopState, SimpleNamespace(accelerator=Accelerator(cpu=True), model=compiled))
    assert unwrapped(alone) is model and unwrapped(prepared) is model


def test_fsdp_version_1_is_refused_with_what_to_use() -> None:
    from torch.distributed.fsdp import FullyShardedDataParallel

    def work(rank: int) -> str:
        with pytest.raises(CallsheetError) as caught:
            shards_of(FullyShardedDataParallel(small_model(), device_id=torch.device("cpu")))
        return str(caught.value)

    assert all("Use launch=fsdp2" in said for said in on_ranks(2, work))
