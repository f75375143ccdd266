"""Callbacks that want the trainer get it, in their place among the others."""

from __future__ import annotations

from typing import Any

import pytest

from callsheet.errors import CallsheetError, PluginFailure

from .conftest import x

TELL = """
from transformers import TrainerCallback

HEARD = []


class Tells(TrainerCallback):
    def __init__(self, name):
        self.name = name

    def on_init_end(self, args, state, control, **kwargs):
        HEARD.append(("init", self.name, kwargs.get("processing_class") is not None))

    def on_train_begin(self, args, state, control, **kwargs):
        HEARD.append(("begin", self.name))


class Wants(Tells):
    def __init__(self, name, trainer, model, accelerator, tokenizer, processing_class, ref_model=None):
        super().__init__(name)
        self.parts = trainer, model, accelerator, tokenizer, processing_class, ref_model


class NeedsReference(Wants):
    def __init__(self, ref_model):
        self.name, self.ref_model = "reference", ref_model
"""


@pytest.fixture
def heard(tmp_path) -> Any:
    import sys

    (tmp_path / "my_telling.py").write_text(TELL)
    import my_telling  # type: ignore[import-not-found]

    yield my_telling.HEARD
    del sys.modules["my_telling"]


def test_callbacks_are_called_in_the_order_of_the_configuration(run_demo, heard):
    kinds = {"a": "Tells", "b": "Wants", "c": "Tells", "d": "Wants"}
    named = [
        item
        for name, kind in kinds.items()
        for item in (f"callbacks.{name}.path=my_telling.{kind}", f"callbacks.{name}.name={name}")
    ]
    session = run_demo("plugins=[]", *named)
    assert [entry[1] for entry in heard if entry[0] == "begin"] == ["a", "b", "c", "d"]
    assert [entry[1:] for entry in heard if entry[0] == "init"] == [("a", True), ("c", True), ("b", True), ("d", True)]
    trainer = session.state.trainer
    names = [type(callback).__name__ for callback in trainer.callback_handler.callbacks]
    assert names[1:6] == ["Bridge", "Tells", "Wants", "Tells", "Wants"] and names[6] in (
        "PrinterCallback",
        "ProgressCallback",
    )
    parts = trainer.callback_handler.callbacks[3].parts
    assert parts == (
        trainer,
        trainer.model,
        trainer.accelerator,
        trainer.processing_class,
        trainer.processing_class,
        None,
    )
    assert list(session.lineup.cost()) == [f"callbacks.{name}" for name in kinds]


def test_a_reference_is_given_and_missed(run_trainer, heard, tmp_path):
    wants = x("my_telling.NeedsReference")
    session = run_trainer("dpo", *wants)
    callbacks = session.state.trainer.callback_handler.callbacks
    assert any(getattr(one, "ref_model", None) is session.state.trainer.ref_model for one in callbacks)
    with pytest.raises(CallsheetError, match="wants the reference model, and trainer=sft has none"):
        run_trainer("sft", *wants, output_dir="other")
    assert not (tmp_path / "other").exists()


def test_completions_are_logged_by_the_callback_of_trl(run_trainer, tmp_path):
    held_out = ["dataset.test_split_size=2", "trainer.args.eval_strategy=steps", "trainer.args.eval_steps=2"]
    logs = x(
        "trl.LogCompletionsCallback",
        "freq=1",
        "num_prompts=2",
        "generation_config={max_new_tokens: 3, do_sample: false}",
    )
    session = run_trainer("grpo", *held_out, *logs)
    callback = next(
        one for one in session.state.trainer.callback_handler.callbacks if type(one).__name__.startswith("LogC")
    )
    assert {row[0] for row in callback.table} == {"1", "2"} and len(callback.table) == 4
    assert callback.generation_config.max_new_tokens == 3
    assert session.lineup.cost()["callbacks.x"]["on_step_end"]["calls"] == 2


def test_a_constructor_that_refuses_the_trainer_is_named(run_trainer, tmp_path):
    logs = x("trl.LogCompletionsCallback", "num_prompts=99")
    with pytest.raises(
        CallsheetError, match=r"callbacks\.x: trl\.LogCompletionsCallback refuses its arguments: .*, line \d+\)"
    ):
        run_trainer("sft", "dataset.test_split_size=2", *logs)


def test_a_constructor_that_fails_on_the_trainer_ends_in_a_sentence_and_a_directory_to_use_again(callsheet, tmp_path):
    (tmp_path / "my_asking.py").write_text(
        "from transformers import TrainerCallback\n\n\nclass Asks(TrainerCallback):\n"
        "    def __init__(self, trainer):\n        self.judge = trainer.judge\n"
    )
    run = ["recipe=demo", "plugins=[]", "trainer.args.max_steps=1", "trainer.args.eval_strategy=no", "output_dir=run"]

    failed = callsheet("train", *run, "callbacks.x=my_asking.Asks", env={"PYTHONPATH": str(tmp_path)})

    assert failed.returncode == 2 and "Traceback" not in failed.stderr
    assert "callbacks.x: my_asking.Asks refuses its arguments: AttributeError: " in failed.stderr
    again = "It has taken no step, so a mended command may use its directory: output_dir=run\n"
    assert f"callsheet: The run lies in run. {again}" in failed.stderr
    assert f"note        {again}" in callsheet("status", "run").stdout
    assert callsheet("train", *run).returncode == 0


def test_a_callback_that_would_miss_its_prompts_at_a_later_step_is_refused(run_trainer):
    rows = [{"text": f"word {n}"} for n in range(8)]
    logs = x("trl.LogCompletionsCallback", "freq=2")
    with pytest.raises(
        CallsheetError, match=r"callbacks\.x: trl\.LogCompletionsCallback generates from the column prompt"
    ):
        run_trainer("sft", "dataset.test_split_size=2", *logs, rows=rows)


def test_an_error_names_the_callback(run_trainer, heard, tmp_path):
    (tmp_path / "my_breaking.py").write_text(
        "from my_telling import Tells\n\n\nclass Breaks(Tells):\n    def on_step_end(self, *args, **kwargs):\n        1 / 0\n"
    )
    with pytest.raises(
        PluginFailure, match=r"^Callback 'callbacks\.x' \(my_breaking\.Breaks\) raised in on_step_end on rank 0: Zero"
    ):
        run_trainer("sft", *x("my_breaking.Breaks", "name=b"))
