"""An average that is streamed past the weights: the same bits as one that is updated at once."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from callsheet_late import LateLanes, LateMark
from ranks import on_ranks
from safetensors.torch import load_file
from torch.optim.optimizer import _global_optimizer_pre_hooks
from transformers import TrainerCallback

from callsheet.errors import PluginFailure
from callsheet.sharding import Sharding
from callsheet_plugins.bema import Bema, keeping, running
from callsheet_plugins.bema.streams.holding import before_each_step
from callsheet_plugins.bema.streams.lanes import Lanes, Mark
from callsheet_plugins.bema.streams.streamed import Streamed
from plugins.bema.test_plugin import averaged, identical, trainer

CPU = torch.device("cpu")
OPTIMIZERS: dict[str, Callable[[list[Any]], Any]] = {
    "loop": lambda parameters: torch.optim.AdamW(parameters, lr=0.1, foreach=False),
    "foreach": lambda parameters: torch.optim.AdamW(parameters, lr=0.1, foreach=True),
    "fused": lambda parameters: torch.optim.AdamW(parameters, lr=0.1, fused=True),
}


@pytest.mark.parametrize(("real", "stand_in"), [(Lanes, LateLanes), (Mark, LateMark)])
def test_the_stand_in_is_called_like_the_lanes(real: type, stand_in: type) -> None:
    own = [name for name, _ in inspect.getmembers(real, inspect.isfunction) if name[:2] != "__" and name[0] != "_"]
    assert own
    for name in own:
        assert [*inspect.signature(getattr(real, name)).parameters] == [
            *inspect.signature(getattr(stand_in, name)).parameters
        ]


def streamed(model: torch.nn.Module, **how: Any) -> Streamed:
    made = Streamed(CPU, Sharding(model).chosen, **{"is_at_home": False, **how})
    made.begin()
    return made


def work(model: torch.nn.Module, optimizer: Any) -> None:
    model(torch.ones(1, 30)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()


def weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().reshape(-1).clone() for name, tensor in model.named_parameters()}


@pytest.mark.parametrize("kind", OPTIMIZERS)
@pytest.mark.parametrize("is_at_home", [False, True])
def test_no_optimizer_overwrites_weights_that_are_being_read(late: Any, kind: str, is_at_home: bool) -> None:
    model = torch.nn.Linear(30, 7)
    optimizer, average = OPTIMIZERS[kind](list(model.parameters())), streamed(model, is_at_home=is_at_home)
    handle = before_each_step(average.hold)
    expected = weights(model)
    for share in (0.5, 0.3, 0.2):
        work(model, optimizer)
        expected = {name: expected[name].lerp(tensor, share) for name, tensor in weights(model).items()}
        average.update(share)
        work(model, optimizer)
    average.settle()
    handle.remove()
    assert identical(average.ema, expected)


def test_what_is_being_written_is_as_it_was_whatever_comes_after(late: Any) -> None:
    model = torch.nn.Linear(30, 7).bfloat16()
    average, written, thread = streamed(model), [], ThreadPoolExecutor(1)
    first = weights(model)

    def write(copy: Any) -> threading.Event:
        may_write = threading.Event()

        def task() -> None:
            copy.arrived.wait()
            assert may_write.wait(60)
            written.append({name: tensor.clone() for name, tensor in copy.tensors.items()})

        copy.keep_until(thread.submit(task))
        return may_write

    def move() -> None:
        average.hold()
        model.weight.data.add_(1.0)

    the_weights = write(average.copy_of_weights())
    move()
    average.update(0.5)
    expected = {name: first[name].float().lerp(tensor.float(), 0.5) for name, tensor in weights(model).items()}
    the_weights.set()  # else the next update would wait for this buffer
    the_average = write(average.copy_of_average())
    move()
    average.update(1.0)
    last = weights(model)
    move()
    average.settle()
    the_average.set()
    thread.shutdown()
    assert identical(written[0], first) and {t.dtype for t in written[0].values()} == {torch.bfloat16}
    assert identical(written[1], expected)
    assert identical(average.ema, {name: tensor.float() for name, tensor in last.items()})


def test_an_average_that_moves_to_the_device_is_the_same(late: Any) -> None:
    model = torch.nn.Linear(30, 7)
    average = streamed(model)
    model.weight.data.add_(1.0)
    average.update(0.25)
    before = {name: tensor.clone() for name, tensor in settled(average).items()}
    average.come_home()
    assert average.is_at_home and identical(settled(average), before)
    copy = average.copy_of_average()
    copy.arrived.wait()
    assert identical(dict(copy.tensors), before)


def settled(average: Streamed) -> dict[str, torch.Tensor]:
    average.settle()
    return average.ema


@pytest.mark.parametrize("small", [0, 1 << 30], ids=["written beside", "written within the save"])
def test_a_run_that_streams_equals_one_that_does_not(
    late: list[LateLanes], tmp_path: Path, monkeypatch: Any, small: int
) -> None:
    monkeypatch.setattr(running, "SMALL", small)

    def train(folder: str, resumed: str | None = None) -> None:
        plugin = Bema(update_freq=1, update_after=1, evaluate_with="both", every_checkpoint=True)
        steps = {"save_strategy": "steps", "save_steps": 4, "eval_strategy": "steps", "eval_steps": 3}
        made = trainer(tmp_path / folder, plugin, max_steps=7, gradient_accumulation_steps=2, **steps)
        made.train(resume_from_checkpoint=resumed)

    train("late")
    train("resumed", str(tmp_path / "late" / "checkpoint-4"))
    assert all(lanes.was_held for lanes in late)
    assert not _global_optimizer_pre_hooks, "each average takes its hook away"
    monkeypatch.undo()
    train("plain")
    assert identical(averaged(tmp_path / "late"), averaged(tmp_path / "plain"))
    assert identical(averaged(tmp_path / "resumed"), averaged(tmp_path / "plain"))
    events = (tmp_path / "late" / "events.jsonl").read_text()
    assert ("completed_late" in events) == (small == 0)
    between = [tmp_path / folder / "checkpoint-4" for folder in ("late", "plain")]
    assert identical(*(averaged(checkpoint) for checkpoint in between))
    for kind in (keeping.EMA, keeping.THETA0):
        saved = [load_file(folder / f"callsheet/bema/{kind}-00000.safetensors") for folder in between]
        assert identical(*saved)


def test_a_small_average_waits_for_what_its_checkpoint_shares_with_the_run(
    late: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep, may_write = keeping.Kept.keep, threading.Event()

    def slowly(*about: Any) -> None:
        assert may_write.wait(60)
        keep(*about)

    class Waits(TrainerCallback):
        def on_save(self, *about: Any, **more: Any) -> None:
            may_write.set()

    monkeypatch.setattr(keeping.Kept, "keep", slowly)
    made = trainer(
        tmp_path, Bema(update_freq=1, update_after=1), Waits(), max_steps=2, save_strategy="steps", save_steps=1
    )
    made.train()
    shared = [
        {path.name[:-18] for path in (tmp_path / f"checkpoint-{step}/callsheet/bema").glob("*")} for step in (1, 2)
    ]
    assert shared == [{"ema", "theta0"}, {"ema", "theta0", "theta"}]
    assert "completed_late" in (tmp_path / "events.jsonl").read_text()


def test_a_part_that_cannot_be_written_ends_the_run_and_its_checkpoint_does_not_count(
    late: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "SMALL", 0)

    def fail(*about: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(keeping.Kept, "save", fail)
    plugin: Any = Bema(update_freq=1)
    made = trainer(tmp_path, plugin, save_strategy="steps", save_steps=2, save_total_limit=1)
    with pytest.raises(PluginFailure, match="No space left"):
        made.train()
    assert plugin._average is None, "the run has ended, and let go of what it averaged"
    assert (
        "checkpoint-2" not in (tmp_path / "checkpoints.jsonl").read_text()
        if (tmp_path / "checkpoints.jsonl").exists()
        else True
    )
    assert "not_completed" in (tmp_path / "events.jsonl").read_text()


def test_nothing_of_it_outlives_the_training(late: Any, tmp_path: Path) -> None:
    made, before = trainer(tmp_path, Bema(update_freq=2), max_steps=3), {*threading.enumerate()}
    for _ in range(2):
        made.train()
        for thread in {*threading.enumerate()} - before:
            if thread.name.startswith("callsheet-write"):
                thread.join(60)
                assert not thread.is_alive()


def test_nothing_outlives_a_training_that_cannot_restore_its_average(
    late: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer(tmp_path, Bema(update_freq=1), max_steps=2, save_strategy="steps", save_steps=2).train()

    def fail(*about: Any) -> bool:
        raise OSError("Input/output error")

    monkeypatch.setattr(keeping.Kept, "adopt", fail)
    with pytest.raises(PluginFailure, match="Input/output error"):
        trainer(tmp_path, Bema(update_freq=1)).train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))
    assert not _global_optimizer_pre_hooks


def test_a_rank_that_writes_nothing_has_no_buffer_for_it(late: Any, tmp_path: Path) -> None:
    def work(rank: int) -> Any:
        model = torch.nn.Linear(30, 7)
        average = running.Average(Sharding(model), keeping.Kept(tmp_path / "kept", Sharding(model)), "cpu")
        average.kept.clear()
        average.begin(running._now)
        average.update(0.5)
        average.keep_last(running._now)
        average.save(tmp_path, running._now)
        formed = average.former(0.1, at_last=True)("weight")
        average.close()
        return [len(stream._buffers) for stream in average.streams], formed is not None

    assert on_ranks(2, work) == [([2], True), ([1], True)]
    assert sorted(path.name for path in tmp_path.glob("*.safetensors")) == [
        "ema-00000.safetensors",
        "theta-00000.safetensors",
        "theta0-00000.safetensors",
    ]
