"""Shards under FSDP2 and other DTensors: rows that a rank has, or a refusal."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from ranks import on_ranks

from callsheet.errors import CallsheetError
from callsheet.sharding.dtensors import local


def parts(size: int, mesh: tuple[int, ...], placements: Any, shape: tuple[int, ...]) -> list[Any]:
    """Of each rank, start and length of its part of a parameter, and what is in it."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import distribute_tensor

    whole = torch.arange(float(torch.Size(shape).numel())).view(shape)

    def work(rank: int) -> Any:
        names = tuple(f"dim{number}" for number in range(len(mesh)))
        parameter = distribute_tensor(whole, init_device_mesh("cpu", mesh, mesh_dim_names=names), placements())
        shard = local("w", torch.nn.Parameter(parameter))
        assert shard.shape == whole.shape and shard.copy() is None and shard.trainable
        return shard.start, shard.length, shard.read().tolist()

    return on_ranks(size, work)


def rows(dim: int = 0) -> Any:
    from torch.distributed.tensor import Shard

    return Shard(dim)


def repeated() -> Any:
    from torch.distributed.tensor import Replicate

    return Replicate()


@pytest.mark.parametrize("shape", [(5, 7), (2, 3, 4), (7,), (1, 6)])
def test_each_rank_has_its_rows_and_the_last_may_have_fewer_or_none(shape: tuple[int, ...]) -> None:
    found = parts(3, (3,), lambda: [rows()], shape)
    assert [value for _, _, values in found for value in values] == list(range(torch.Size(shape).numel()))
    assert all(length == len(values) and (not values or start == values[0]) for start, length, values in found)


def test_what_the_mesh_only_repeats_is_whole_on_every_rank() -> None:
    assert parts(2, (2,), lambda: [repeated()], (3, 2)) == [(0, 6, [0, 1, 2, 3, 4, 5])] * 2


def test_groups_of_ranks_that_repeat_each_other_have_the_same_rows() -> None:
    first, second, third, fourth = parts(4, (2, 2), lambda: [repeated(), rows()], (4, 2))
    assert first == third == (0, 4, [0, 1, 2, 3]) and second == fourth == (4, 4, [4, 5, 6, 7])


def test_what_is_spread_by_columns_is_refused_with_what_to_do() -> None:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import distribute_tensor

    def work(rank: int) -> str:
        parameter = distribute_tensor(torch.zeros(4, 2), init_device_mesh("cpu", (2,)), [rows(1)])
        with pytest.raises(CallsheetError) as caught:
            local("w", parameter)
        return str(caught.value)

    said = on_ranks(2, work)[0]
    assert said.startswith("The weights of w are spread as") and "Train without tensor parallelism" in said


def test_what_is_written_to_a_part_the_parameter_holds() -> None:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import DTensor, distribute_tensor

    def work(rank: int) -> list[float]:
        parameter = torch.nn.Parameter(distribute_tensor(torch.zeros(3, 2), init_device_mesh("cpu", (2,)), [rows()]))
        live = local("w", parameter).live()
        assert live is not None
        live.fill_(rank + 1)
        assert isinstance(parameter, DTensor)
        return parameter.full_tensor().view(-1).tolist()  # type: ignore[no-any-return]

    assert on_ranks(2, work) == [[1, 1, 1, 1, 2, 2]] * 2
