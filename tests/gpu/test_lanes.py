"""The lanes of an average on a real GPU: ordered by the device alone, and the same bits wherever the average is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from callsheet.sharding import Sharding
from callsheet_plugins.bema.streams import lanes
from callsheet_plugins.bema.streams.buffers import Buffer
from callsheet_plugins.bema.streams.holding import before_each_step
from callsheet_plugins.bema.streams.streamed import Streamed

pytestmark = pytest.mark.gpu

LONG = 200_000_000  # clock cycles, about a tenth of a second
GPU = "cuda:0"
OPTIMIZERS: dict[str, Callable[[list[Any]], Any]] = {
    "loop": lambda parameters: torch.optim.AdamW(parameters, lr=0.1, foreach=False),
    "foreach": lambda parameters: torch.optim.AdamW(parameters, lr=0.1, foreach=True),
    "fused": lambda parameters: torch.optim.AdamW(parameters, lr=0.1, fused=True),
}


def model(dtype: torch.dtype = torch.float32) -> Any:
    torch.manual_seed(0)
    layers = [torch.nn.Linear(300, 700), torch.nn.Linear(700, 5)]
    return torch.nn.Sequential(*layers).to(GPU, dtype)


def streamed(module: Any, *, is_at_home: bool) -> Streamed:
    made = Streamed(torch.device(GPU), Sharding(module).chosen, is_at_home=is_at_home)
    made.begin()
    return made


def busy(average: Streamed) -> None:
    """Keep every stream at work, so that what comes next is late."""
    for lane in average.lanes._lanes:
        with torch.cuda.stream(lane.stream):
            torch.cuda._sleep(LONG)


@pytest.mark.parametrize("has_kernel", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_the_optimizer_waits_for_streams_that_are_late_and_both_places_have_the_same_bits(
    kind: str, dtype: torch.dtype, has_kernel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "BUFFERS", 200_020)
    monkeypatch.setattr(lanes, "AT_HOME", 30_000)
    if not has_kernel:
        monkeypatch.setattr(lanes, "kernel_for", lambda held, weights: None)
    module = model(dtype)
    optimizer = OPTIMIZERS[kind](list(module.parameters()))
    averages = [streamed(module, is_at_home=is_at_home) for is_at_home in (False, True)]
    handles = [before_each_step(average.hold) for average in averages]
    expected = {name: tensor.detach().flatten().float() for name, tensor in module.named_parameters()}
    for share in (0.5, 0.3):
        now = {name: tensor.detach().flatten().float() for name, tensor in module.named_parameters()}
        expected = {name: tensor.lerp(now[name], share) for name, tensor in expected.items()}
        for average in averages:
            busy(average)
            average.update(share)
        module(torch.ones(1, 300, device=GPU, dtype=dtype)).sum().backward()
        optimizer.step()
    for average, handle in zip(averages, handles, strict=True):
        average.settle()
        handle.remove()
        assert all(torch.allclose(average.ema[name].to(GPU), tensor, rtol=1e-6) for name, tensor in expected.items())
    away, home = (average.ema for average in averages)
    assert all(torch.equal(away[name].to(GPU), home[name]) for name in expected)


@pytest.mark.parametrize("is_at_home", [False, True])
def test_copies_hold_what_was_there_when_they_were_asked_for(is_at_home: bool) -> None:
    module = model(torch.bfloat16)
    average = streamed(module, is_at_home=is_at_home)
    before = {name: tensor.detach().flatten().cpu() for name, tensor in module.named_parameters()}
    torch.cuda._sleep(LONG)
    with torch.no_grad():
        module[0].weight.fill_(7.0)  # queued, not done yet
    busy(average)
    copy = average.copy_of_weights()
    average.hold()
    with torch.no_grad():
        module[0].weight.zero_()
    copy.arrived.wait()
    assert set(copy.tensors["0.weight"].tolist()) == {7.0}
    assert torch.equal(copy.tensors["1.weight"], before["1.weight"])
    copy = average.copy_of_average()
    copy.arrived.wait()
    assert all(torch.equal(copy.tensors[name], tensor.float()) for name, tensor in before.items())


def test_an_average_moves_to_the_device_bit_for_bit() -> None:
    module = model()
    average = streamed(module, is_at_home=False)
    average.update(0.3)
    average.settle()
    before = {name: tensor.clone() for name, tensor in average.ema.items()}
    average.come_home()
    average.settle()
    assert average.is_at_home and all(tensor.is_cuda for tensor in average.ema.values())
    assert all(torch.equal(tensor.cpu(), before[name]) for name, tensor in average.ema.items())


def test_main_memory_is_locked_and_given_back() -> None:
    buffer = Buffer(1 << 20, torch.device(GPU))
    part = buffer.part(0, 1 << 10, torch.float32)
    assert buffer.is_pinned and part.is_pinned()
    del buffer
    assert not part.is_pinned()


def test_memory_that_cannot_be_locked_serves_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    cudart = torch.cuda.cudart()

    def refuse(address: int, size: int, flags: int) -> Any:
        return cudart.cudaHostRegister(0, size, flags)  # an invalid value: a real error, which must not stay

    class Refusing:
        cudaHostRegister = staticmethod(refuse)

    monkeypatch.setattr(torch.cuda, "cudart", lambda: Refusing)
    module = model()
    average = streamed(module, is_at_home=False)
    assert not average.is_pinned
    with torch.no_grad():
        module[0].weight.fill_(2.0)
    average.update(1.0)
    average.settle()
    assert set(average.ema["0.weight"].tolist()) == {2.0}
    torch.zeros(1, device=GPU).add_(1)
