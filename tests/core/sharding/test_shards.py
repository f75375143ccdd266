"""The part of a parameter that is whole on every rank."""

from __future__ import annotations

import pytest
import torch

from callsheet.sharding.shards import nothing, plain


@pytest.mark.parametrize("shape", [(3, 4), (5,), (), (0, 3)])
def test_it_is_the_whole_parameter_as_one_dimension(shape: tuple[int, ...]) -> None:
    parameter = torch.nn.Parameter(torch.randn(shape))
    shard = plain("w", parameter)
    assert (shard.start, shard.length, shard.shape, shard.trainable) == (0, parameter.numel(), parameter.shape, True)
    assert shard.read().shape == (parameter.numel(),) and torch.equal(shard.read(), parameter.detach().flatten())
    assert shard.copy() is None is nothing()


def test_what_is_written_to_it_the_parameter_holds_and_no_gradient_knows() -> None:
    parameter = torch.nn.Parameter(torch.zeros(2, 2))
    live = plain("w", parameter).live()
    assert live is not None and not live.requires_grad
    live.copy_(torch.arange(4.0))
    assert parameter.tolist() == [[0, 1], [2, 3]] and parameter.grad is None


def test_it_follows_a_parameter_whose_content_is_replaced() -> None:
    parameter = torch.nn.Parameter(torch.zeros(3), requires_grad=False)
    shard = plain("w", parameter)
    parameter.data = torch.ones(3)
    assert shard.read().tolist() == [1, 1, 1] and not shard.trainable


def test_a_parameter_whose_rows_lie_apart_can_be_read_and_is_not_written_to_a_copy() -> None:
    parameter = torch.nn.Parameter(torch.arange(6.0).view(2, 3).T)
    shard = plain("w", parameter)
    assert shard.read().tolist() == [0, 3, 1, 4, 2, 5]
    with pytest.raises(RuntimeError):
        shard.live()
