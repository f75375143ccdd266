"""The lane from a GPU to main memory, on one; without one, that what stands in for it has its shape."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from callsheet.sharding import Sharding
from callsheet_plugins.bema.lane import Copy, Lane

sys.path.insert(0, str(Path(__file__).parents[2] / "engines" / "witness"))
from callsheet_late import LateCopy, LateLane

on_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
LONG = 200_000_000  # clock cycles of a GPU, about a tenth of a second


@pytest.mark.parametrize(("real", "stand_in"), [(Lane, LateLane), (Copy, LateCopy)])
def test_the_stand_in_of_the_other_tests_is_called_like_the_lane(real: type, stand_in: type) -> None:
    own = [name for name, _ in inspect.getmembers(real, inspect.isfunction) if not name.startswith("_")]
    assert own
    for name in own:
        assert [*inspect.signature(getattr(real, name)).parameters] == [
            *inspect.signature(getattr(stand_in, name)).parameters
        ]


@pytest.fixture
def lane() -> Iterator[Callable[[], Any]]:
    """A lane, and what keeps its stream busy, so that a copy comes late."""
    made = Lane(torch.device("cuda"))

    def busy() -> Lane:
        with torch.cuda.stream(made._stream):
            torch.cuda._sleep(LONG)
        return made

    yield busy
    torch.cuda.synchronize()


@on_a_gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_copy_holds_the_weights_in_their_own_dtype_in_pinned_memory(lane: Any, dtype: torch.dtype) -> None:
    model = torch.nn.Linear(3, 2, device="cuda", dtype=dtype)
    shards = Sharding(model).chosen
    copy = lane().copy(shards)
    copy.wait()
    for name, shard in shards.items():
        assert torch.equal(copy.tensors[name], shard.read().cpu())
        assert copy.tensors[name].is_pinned() and copy.tensors[name].dtype == dtype


@on_a_gpu
def test_work_that_is_held_comes_after_the_copy(lane: Any) -> None:
    model = torch.nn.Linear(300, 200, device="cuda")
    shards = Sharding(model).chosen
    before = {name: shard.read().cpu() for name, shard in shards.items()}
    copy = lane().copy(shards)
    copy.hold()
    with torch.no_grad():
        model.weight.zero_()
    copy.wait()
    assert all(torch.equal(copy.tensors[name], tensor) for name, tensor in before.items())


@on_a_gpu
def test_a_copy_has_what_the_steps_queued_before_it_leave(lane: Any) -> None:
    model = torch.nn.Linear(3, 2, device="cuda")
    made = lane()
    torch.cuda._sleep(LONG)
    with torch.no_grad():
        model.weight.fill_(7.0)  # queued, not done yet
    copy = made.copy(Sharding(model).chosen)
    copy.wait()
    assert set(copy.tensors["weight"].tolist()) == {7.0}


@on_a_gpu
def test_the_next_copy_takes_the_same_memory(lane: Any) -> None:
    shards = Sharding(torch.nn.Linear(3, 2, device="cuda")).chosen
    made = lane()
    first = made.copy(shards)
    first.wait()
    places = {name: tensor.data_ptr() for name, tensor in first.tensors.items()}
    second = made.copy(shards)
    second.wait()
    assert {name: tensor.data_ptr() for name, tensor in second.tensors.items()} == places
