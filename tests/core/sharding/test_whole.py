"""What ranks put together from what each of them keeps, and write back, under every engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from ranks import on_ranks

from callsheet.sharding import Sharding
from core.sharding.conftest import ENGINES, small_model, spread, whole_weights


def equal(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> bool:
    assert found.keys() == expected.keys()
    return all(torch.equal(found[name], tensor) for name, tensor in expected.items())


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("size", [2, 3])
def test_parts_make_the_whole_on_rank_0_and_everywhere(engine: str, size: int) -> None:
    def work(rank: int) -> Any:
        sharding = Sharding(spread(engine, rank, size))
        first = {name: sharding.whole(name, shard.read()) for name, shard in sharding.chosen.items()}
        return first, {name: sharding.everywhere(name, shard.read()) for name, shard in sharding.chosen.items()}

    (first, everywhere), *others = on_ranks(size, work)
    assert equal(first, whole_weights()) and equal(everywhere, whole_weights())
    for nothing, same in others:
        assert set(nothing.values()) == {None} and equal(same, whole_weights())


@pytest.mark.parametrize("engine", ENGINES)
def test_every_element_has_one_rank_that_answers_for_it(engine: str) -> None:
    def work(rank: int) -> dict[str, tuple[int, int]]:
        sharding = Sharding(spread(engine, rank, 3))
        held = {name: sharding.shards[name] for name in sharding.chosen if sharding.is_holder(name)}
        return {name: (shard.start, shard.length) for name, shard in held.items()}

    answers = on_ranks(3, work)
    for name, tensor in whole_weights().items():
        spans = sorted(span for answer in answers if (span := answer.get(name)))
        ends = [0, *(start + length for start, length in spans)]
        assert [start for start, _ in spans] == ends[:-1] and ends[-1] == tensor.numel()


@pytest.mark.parametrize("engine", ENGINES)
def test_the_model_computes_with_what_was_written(engine: str) -> None:
    def work(rank: int) -> torch.Tensor:
        model = spread(engine, rank, 2)
        sharding = Sharding(model)
        sharding.write(lambda name: sharding.shards[name].read() * 2)
        with torch.no_grad():
            answer: torch.Tensor = model(torch.ones(1, 7))
        return answer

    expected = small_model()
    with torch.no_grad():
        for parameter in expected.parameters():
            parameter.mul_(2)
        right = expected(torch.ones(1, 7))
    assert all(torch.equal(found, right) for found in on_ranks(2, work))


@pytest.mark.parametrize("engine", ENGINES)
def test_what_was_borrowed_comes_back_bit_for_bit_on_every_rank(engine: str) -> None:
    def work(rank: int) -> torch.Tensor:
        model = spread(engine, rank, 2)
        sharding = Sharding(model)
        with sharding.borrowed():
            sharding.write(lambda name: torch.zeros(sharding.shards[name].length))
            with torch.no_grad():
                assert not model(torch.ones(1, 7)).any()
        with torch.no_grad():
            answer: torch.Tensor = model(torch.ones(1, 7))
        return answer

    with torch.no_grad():
        right = small_model()(torch.ones(1, 7))
    assert all(torch.equal(found, right) for found in on_ranks(2, work))


def test_a_value_of_none_leaves_a_parameter_as_it_is() -> None:
    model = small_model()
    sharding = Sharding(model)
    sharding.write(lambda name: torch.zeros(5) if name == "0.bias" else None)
    weights = whole_weights()
    assert equal(dict(model.state_dict()), {**weights, "0.bias": torch.zeros(5)})


def test_only_what_is_chosen_is_worked_on_by_default_what_trains() -> None:
    model = small_model()
    model[0].weight.requires_grad_(False)
    assert [*Sharding(model).chosen] == ["0.bias", "1.weight", "1.bias"] and len(Sharding(model).shards) == 4
    assert [*Sharding(model, lambda shard: len(shard.shape) == 2).chosen] == ["0.weight", "1.weight"]


def test_what_the_model_computes_in_is_what_is_written() -> None:
    model = small_model().bfloat16()
    Sharding(model).write(lambda name: torch.full((5,), 1 / 3) if name == "0.bias" else None)
    assert model[0].bias.dtype == torch.bfloat16 and model[0].bias.tolist() == [torch.tensor(1 / 3).bfloat16()] * 5


def test_what_is_borrowed_comes_back_also_after_a_failure() -> None:
    model = small_model()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    sharding = Sharding(model)
    with pytest.raises(RuntimeError), sharding.borrowed():
        sharding.write(lambda name: torch.zeros(sharding.shards[name].length))
        assert not any(bool(parameter.any()) for parameter in model.parameters())
        raise RuntimeError
    assert equal(before, dict(model.state_dict()))


def test_weights_are_put_back_without_the_others_when_one_rank_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody_comes(*about: object) -> None:
        raise AssertionError("the other ranks are elsewhere")

    model = torch.nn.Linear(3, 2)
    sharding, before = Sharding(model), model.weight.detach().clone()
    shard = sharding.chosen["weight"]
    persistent = torch.zeros(6)
    sharding.chosen["weight"] = replace(shard, copy=lambda: persistent)
    monkeypatch.setattr(Sharding, "everywhere", nobody_comes)
    with pytest.raises(KeyboardInterrupt), sharding.borrowed():
        model.weight.data.fill_(7.0)
        persistent.fill_(7.0)
        raise KeyboardInterrupt
    assert torch.equal(model.weight, before) and not persistent.any()


def test_what_an_evaluation_gathered_is_not_taken_for_what_a_rank_keeps(tmp_path: Path) -> None:
    import torch.distributed as dist
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.tensor import DTensor

    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/rendezvous", rank=0, world_size=1)
    try:
        model: Any = fully_shard(torch.nn.Linear(3, 2), mesh=init_device_mesh("cpu", (1,)), reshard_after_forward=False)
        with torch.no_grad():
            model(torch.ones(1, 3))
        sharding = Sharding(model)
        assert isinstance(model.weight, DTensor)
        sharding.write(lambda name: torch.zeros(6 if name == "weight" else 2))
        assert not model(torch.ones(1, 3)).any()
    finally:
        dist.destroy_process_group()
