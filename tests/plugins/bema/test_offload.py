"""bema with its average in main memory beside a model on a GPU: shown with a lane as late as a stream may be."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.optim.optimizer import _global_optimizer_pre_hooks

from callsheet.errors import PluginFailure
from callsheet.sharding import Sharding
from callsheet_plugins.bema import Bema, offload, running
from callsheet_plugins.bema.lane import Lane
from callsheet_plugins.bema.offload import Offload

sys.path.insert(0, str(Path(__file__).parents[2] / "engines" / "witness"))
from callsheet_late import LateLane, hurried

from plugins.bema.test_plugin import averaged, identical, trainer

OPTIMIZERS: dict[str, Callable[[list[Any]], Any]] = {
    "loop": lambda parameters: torch.optim.AdamW(parameters, lr=0.1, foreach=False),
    "foreach": lambda parameters: torch.optim.AdamW(parameters, lr=0.1, foreach=True),
    "fused": lambda parameters: torch.optim.AdamW(parameters, lr=0.1, fused=True),
}


@pytest.fixture(autouse=True)
def in_no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Offload, "settle", hurried(Offload.settle))


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[LateLane]]:
    """Every average is offloaded, over these lanes."""
    lanes: list[LateLane] = []

    def lane(device: Any) -> LateLane:
        lanes.append(LateLane())
        return lanes[-1]

    monkeypatch.setattr(running, "Lane", lane)
    monkeypatch.setattr(running, "crossing", lambda shards, ema: {"late": ema})
    yield lanes
    assert not _global_optimizer_pre_hooks, "each offload takes its hook away"


def work(model: torch.nn.Module, optimizer: Any) -> None:
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_no_optimizer_overwrites_weights_that_are_being_copied(kind: str) -> None:
    model = torch.nn.Linear(3, 2)
    optimizer, shards = OPTIMIZERS[kind](list(model.parameters())), Sharding(model).chosen
    ema = {name: shard.read().clone() for name, shard in shards.items()}
    expected = {name: tensor.clone() for name, tensor in ema.items()}
    copying = Offload(LateLane())  # type: ignore[arg-type]  # it stands in for one on a GPU
    for share in (0.5, 0.3, 0.2):
        work(model, optimizer)
        expected = {name: tensor.lerp(shards[name].read(), share) for name, tensor in expected.items()}
        copying.update(ema, shards, share)
        work(model, optimizer)
    copying.settle()
    copying.close()
    assert identical(ema, expected)
    assert not _global_optimizer_pre_hooks


def test_each_of_several_optimizers_waits() -> None:
    copying = Offload(LateLane())  # type: ignore[arg-type]
    held: list[object] = []
    copying._copy = SimpleNamespace(hold=lambda: held.append(None))  # type: ignore[assignment]
    for model in (torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)):
        work(model, torch.optim.SGD(model.parameters(), lr=0.1))
    copying.close()
    assert len(held) == 2


def test_a_run_that_copies_late_equals_one_that_does_not(late: list[LateLane], tmp_path: Path) -> None:
    def train(folder: str, resumed: str | None = None, **settings: Any) -> None:
        plugin = Bema(update_freq=1, update_after=1, evaluate_with="both", every_checkpoint=True, **settings)
        steps = {"save_strategy": "steps", "save_steps": 4, "eval_strategy": "steps", "eval_steps": 3}
        made = trainer(tmp_path / folder, plugin, max_steps=7, gradient_accumulation_steps=2, **steps)
        made.train(resume_from_checkpoint=resumed)

    train("late")
    train("resumed", str(tmp_path / "late" / "checkpoint-4"))
    assert sum(copy.was_held for lane in late for copy in lane.copies) == 3
    running.crossing = lambda shards, ema: {}
    train("plain")
    assert identical(averaged(tmp_path / "late"), averaged(tmp_path / "plain"))
    assert identical(averaged(tmp_path / "resumed"), averaged(tmp_path / "plain"))
    between = [tmp_path / folder / "checkpoint-4" for folder in ("late", "plain")]
    assert identical(*(averaged(checkpoint) for checkpoint in between))


def test_a_failed_blend_ends_the_run_and_is_never_saved(
    late: list[LateLane], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*about: Any) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(offload, "blend", fail)
    plugin: Any = Bema(update_freq=1)
    made = trainer(tmp_path, plugin, save_strategy="steps", save_steps=1)
    with pytest.raises(PluginFailure, match="no room"):
        made.train()
    assert plugin._average is None, "the run has ended, and let go of what it averaged"
    assert not list(tmp_path.rglob("ema-*.safetensors"))


def test_nothing_of_it_outlives_the_training(late: list[LateLane], tmp_path: Path) -> None:
    made = trainer(tmp_path, Bema(update_freq=2), max_steps=3)
    for _ in range(2):
        made.train()
        for thread in threading.enumerate():
            if thread.name.startswith("callsheet-bema"):
                thread.join(60)
                assert not thread.is_alive()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_on_a_gpu_the_optimizer_waits_for_a_stream_that_is_late(kind: str) -> None:
    model = torch.nn.Linear(3, 2).cuda()
    optimizer, shards = OPTIMIZERS[kind](list(model.parameters())), Sharding(model).chosen
    ema = {name: shard.read().cpu() for name, shard in shards.items()}
    expected = {name: tensor.clone() for name, tensor in ema.items()}
    lane = Lane(torch.device("cuda"))
    copying = Offload(lane)
    for share in (0.5, 0.3):
        expected = {name: tensor.lerp(shards[name].read().cpu(), share) for name, tensor in expected.items()}
        with torch.cuda.stream(lane._stream):
            torch.cuda._sleep(200_000_000)  # about a tenth of a second
        copying.update(ema, shards, share)
        model(torch.ones(1, 3, device="cuda")).sum().backward()
        optimizer.step()
    copying.settle()
    copying.close()
    assert all(torch.allclose(ema[name], expected[name]) for name in ema)
