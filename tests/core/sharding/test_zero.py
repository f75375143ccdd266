"""Shards under DeepSpeed: what the ranks keep is the parameters, whole, once and without padding."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from ranks import on_ranks

from callsheet.errors import CallsheetError
from callsheet.sharding import Sharding, problem_with_launch, zero
from core.sharding.conftest import MANY, spread, whole_weights

needs_deepspeed = pytest.mark.skipif(not find_spec("deepspeed"), reason="deepspeed is not installed")
SIZES = {name: tensor.numel() for name, tensor in whole_weights().items()}


def spans(stage: int, size: int) -> list[dict[str, tuple[int, int, list[float]]]]:
    """Of each rank, where its part of each parameter lies, and what is in it."""

    def work(rank: int) -> Any:
        shards = Sharding(spread(f"zero{stage}", rank, size)).shards
        return {name: (shard.start, shard.length, shard.read().tolist()) for name, shard in shards.items()}

    return on_ranks(size, work)


@needs_deepspeed
@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("stage", [2, 3])
def test_the_parts_of_all_ranks_end_to_end_are_the_parameters(stage: int, size: int) -> None:
    ranks = spans(stage, size)
    for name, tensor in whole_weights().items():
        parts = sorted(rank[name] for rank in ranks if rank[name][1])
        assert all(length == len(values) for _, length, values in parts)
        assert sum(length for _, length, _ in parts) == SIZES[name], "no padding, and nothing twice"
        assert [value for _, _, values in parts for value in values] == tensor.view(-1).tolist()


@needs_deepspeed
def test_under_zero2_a_rank_may_have_no_part_of_a_parameter_and_the_whole_to_compute_with() -> None:
    def work(rank: int) -> Any:
        shards = Sharding(spread("zero2", rank, 2)).shards
        return {name: (shard.length, shard.live(), shard.copy()) for name, shard in shards.items()}

    ranks = on_ranks(2, work)
    assert any(length == 0 for rank in ranks for length, _, _ in rank.values())
    for rank in ranks:
        for name, (_, live, copy) in rank.items():
            assert live is None and torch.equal(copy, whole_weights()[name])


@needs_deepspeed
def test_under_zero3_only_small_parameters_stay_whole_on_every_rank() -> None:
    def work(rank: int) -> Any:
        model = spread("zero3", rank, 2)
        engine = model.kept[0]
        engine.backward(engine(torch.ones(1, 7)).sum())
        engine.step()  # after which they are whole again; it changes nothing, at a learning rate of 0
        return {name: shard.copy() for name, shard in Sharding(model).shards.items()}

    for rank in on_ranks(2, work):
        assert {name for name, copy in rank.items() if copy is not None} == {
            name for name, size in SIZES.items() if size <= MANY
        }
        assert all(torch.equal(copy, whole_weights()[name]) for name, copy in rank.items() if copy is not None)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, ""),
        ({"zero_optimization": {"stage": 3}}, ""),
        ({"zero_optimization": {"offload_param": {"device": "cpu"}}}, ""),
        ({"zero_optimization": {"offload_param": {"device": "nvme"}}}, "Use offload_param.device=cpu"),
        ({"zero_optimization": {"offload_optimizer": {"device": "cpu"}}}, ""),
        ({"zero_optimization": {"offload_optimizer": {"device": "nvme"}}}, "Use offload_optimizer.device=cpu"),
        ({"zero_optimization": {"zero_hpz_partition_size": 1}}, ""),
        ({"zero_optimization": {"zero_hpz_partition_size": 8}}, "zero_hpz_partition_size"),
        ({"zero_optimization": "auto"}, ""),
        ("ds.json", ""),
    ],
)
def test_settings_that_put_weights_out_of_reach_are_known_before_anything_is_loaded(config: Any, said: str) -> None:
    found = problem_with_launch({"name": "zero3", "config": config})
    assert bool(found) == bool(said) and said in found


UNREACHABLE: dict[str, tuple[str, dict[str, Any]]] = {
    "on a disk": ("offload_param.device=nvme", {"ds_tensor": SimpleNamespace(final_location="nvme")}),
    "weights of the optimizer on a disk": (
        "offload_optimizer.device=nvme",
        {"ds_tensor": None, "_z3_optimizer": SimpleNamespace(swap_optimizer=True)},
    ),
    "a second copy": ("zero_hpz_partition_size=2", {"ds_tensor": None, "ds_secondary_tensor": torch.ones(1)}),
}


@pytest.mark.parametrize("said", UNREACHABLE)
def test_what_zero_keeps_out_of_reach_is_refused_by_check_and_by_the_run(
    said: str, callsheet: Callable[..., Any]
) -> None:
    setting, parameter = UNREACHABLE[said]
    launch = ("launch=zero3", "launch.processes=2", f"launch.config.zero_optimization.{setting}")
    done = callsheet("check", "recipe=demo", "plugins=[bema]", *launch)
    assert done.returncode == 2 and "Plugin 'bema': Z" in done.stderr and said in done.stderr
    with pytest.raises(CallsheetError, match=said):
        zero.partition("w", SimpleNamespace(**parameter))
