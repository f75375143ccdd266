"""A Trainer that is hosted does what it did before, and its bridge hears what callbacks do not."""

from __future__ import annotations

from typing import Any

import pytest
from transformers import ProgressCallback, Trainer, TrainerCallback

import callsheet
from callsheet import CallsheetError, Plugin, hookimpl
from callsheet.loop import extend, hosted

ON_DISK = "checkpoint-*"


class Folders(TrainerCallback):
    """What a callback of anybody's finds on the disk when it hears of a checkpoint."""

    def __init__(self) -> None:
        self.seen: list[list[int]] = []

    def on_save(self, args: Any, *rest: Any, **kwargs: Any) -> None:
        from pathlib import Path

        self.seen.append(sorted(int(path.name[11:]) for path in Path(args.output_dir).glob(ON_DISK)))


class Told(Plugin):
    """Remembers what it was told, in order."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.heard: list[Any] = []

    @hookimpl
    def on_run_start(self, ctx: Any) -> None:
        self.heard.append("run")

    @hookimpl
    def on_trainer_ready(self, state: Any) -> None:
        assert state.model is state.trainer.model and state.step == 0
        state.trainer.remove_callback(ProgressCallback)
        self.heard.append("ready")

    @hookimpl
    def on_train_start(self, state: Any) -> None:
        self.heard.append(("start", state.step, state.resumed_from and state.resumed_from.name))

    @hookimpl
    def on_log(self, state: Any, logs: Any) -> None:
        self.heard.append(("log", state.step, sorted(logs)[0]))
        logs.clear()  # what a plugin does with it is its own affair

    @hookimpl
    def on_run_end(self, ctx: Any, run_result: Any) -> None:
        self.heard.append(("end", run_result.status))


@pytest.mark.parametrize("when", ["before", "after"])
def test_callbacks_find_the_folders_that_plain_trainer_shows_them(tiny_trainer: Any, when: str) -> None:
    plain, mine = Folders(), Folders()
    tiny_trainer(callbacks=[plain], folder="plain", save_total_limit=2, max_steps=8).train()
    ours = callsheet.callbacks("csv_metrics")
    order = [mine, *ours] if when == "before" else [*ours, mine]
    tiny_trainer(callbacks=order, save_total_limit=2, max_steps=8).train()
    assert mine.seen == plain.seen == [[2], [2, 4], [4, 6], [6, 8]]


def test_an_old_checkpoint_goes_only_once_plugins_have_completed_the_new_one(tiny_trainer: Any) -> None:
    class Looks(Plugin):
        @hookimpl
        def on_checkpoint(self, state: Any, row: Any) -> None:
            there.append(sorted(int(path.name[11:]) for path in row.path.parent.glob(ON_DISK)))

    there: list[list[int]] = []
    trainer = tiny_trainer(save_total_limit=1)
    callsheet.attach(trainer, Looks())
    trainer.train()
    assert there == [[2], [2, 4], [4, 6]]


def test_attach_tells_plugins_in_the_order_of_the_contract(tiny_trainer: Any, capfd: Any) -> None:
    trainer, told = tiny_trainer(max_steps=2), Told(on_error="raise")
    callsheet.attach(trainer, told)
    assert type(trainer).__name__ == "Trainer" and isinstance(trainer, Trainer)
    trainer.train()
    assert told.heard == [
        "run",
        "ready",
        ("start", 0, None),
        ("log", 2, "epoch"),
        ("log", 2, "epoch"),
        ("end", "completed"),
    ]
    assert "train_loss" in trainer.state.log_history[-1], "it has the trainer's own row, not the plugin's"
    assert "0/2 [" not in capfd.readouterr().err, "the trainer's bar was removed before it began"


def test_attach_knows_the_checkpoint_wherever_it_lies(tiny_trainer: Any, tmp_path: Any) -> None:
    tiny_trainer(folder="elsewhere", max_steps=2, callbacks=callsheet.callbacks("csv_metrics")).train()
    trainer, told = tiny_trainer(max_steps=4), Told(on_error="raise")
    callsheet.attach(trainer, told)
    trainer.train(str(tmp_path / "elsewhere" / "checkpoint-2"))
    assert ("start", 2, "checkpoint-2") in told.heard
    again = tiny_trainer(max_steps=6)
    callsheet.attach(again, late := Told(on_error="raise"))
    again.train(resume_from_checkpoint=True)
    assert ("start", 4, "checkpoint-4") in late.heard


def test_a_run_that_raises_ends_when_it_raises(tiny_trainer: Any) -> None:
    class Breaks(TrainerCallback):
        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            raise RuntimeError("broken")

    trainer, told = tiny_trainer(callbacks=[Breaks()]), Told()
    callsheet.attach(trainer, told)
    with pytest.raises(RuntimeError, match="broken"):
        trainer.train()
    assert told.heard[-1] == ("end", "failed")


def test_callbacks_that_are_added_late_serve_too(tiny_trainer: Any) -> None:
    trainer, told = tiny_trainer(max_steps=2), Told(on_error="raise")
    for callback in callsheet.callbacks(told):
        trainer.add_callback(callback)
    trainer.train()
    assert told.heard[:3] == ["run", "ready", ("start", 0, None)] and told.heard[-1] == ("end", "completed")


def test_a_second_attach_is_refused(tiny_trainer: Any) -> None:
    trainer = tiny_trainer()
    callsheet.attach(trainer, "csv_metrics")
    with pytest.raises(CallsheetError, match="has its plugins already"):
        callsheet.attach(trainer, "bema")


def test_a_trainer_that_nobody_hosts_is_as_it_was(tiny_trainer: Any) -> None:
    plain, extended = tiny_trainer(folder="plain"), tiny_trainer(folder="extended")
    extend(extended, hosted.Hosted)
    plain.train()
    extended.train()
    for mine, other in zip(extended.model.parameters(), plain.model.parameters(), strict=True):
        assert mine.equal(other)


@pytest.mark.parametrize("kind", ["grpo", "rloo"])
def test_rollouts_reach_plugins_as_trl_has_them(run_trainer: Any, kind: str) -> None:
    class Rolls(Plugin):
        @hookimpl
        def on_rollouts(self, state: Any, step_idx: int, rollouts: Any) -> None:
            heard.append((step_idx, rollouts))

    heard: list[tuple[int, Any]] = []
    trainer = run_trainer(kind, plugins=[Rolls(on_error="raise")]).state.trainer
    assert [step for step, _ in heard] == [1, 2]
    logged = trainer._logs
    for step, rollouts in heard:
        assert rollouts.split == "train" and list(rollouts.rewards) == trainer.reward_func_names, step
        assert len({len(rollouts.prompts), len(rollouts.completions), len(rollouts.advantages)}) == 1
    last = heard[-1][1]
    count = len(last.prompts)
    assert [*logged["advantages"]][-count:] == pytest.approx(last.advantages)
    for name, scores in last.rewards.items():
        assert [*logged["rewards"][name]][-count:] == pytest.approx(scores)


@pytest.mark.parametrize("tied", [True, False])
def test_a_resume_is_silent_about_tied_weights_and_not_about_missing_ones(tiny_trainer, tmp_path, tied):
    import logging

    from safetensors.torch import load_file, save_file

    first = tiny_trainer(tied=tied)
    callsheet.attach(first)
    first.train()
    weights = tmp_path / "run" / "checkpoint-4" / "model.safetensors"
    kept = load_file(weights)
    assert ("lm_head.weight" in kept) is not tied
    if not tied:
        save_file({name: kept[name] for name in kept if name != "lm_head.weight"}, weights)
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("transformers.trainer").addHandler(handler)
    try:
        second = tiny_trainer(tied=tied)
        callsheet.attach(second)
        second.train(resume_from_checkpoint=str(weights.parent))
    finally:
        logging.getLogger("transformers.trainer").removeHandler(handler)
    assert any("missing keys" in line for line in said) is not tied
