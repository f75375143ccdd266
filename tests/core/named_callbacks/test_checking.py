"""Callbacks are checked in their source: what would fail is refused, what would not is let through."""

from __future__ import annotations

import subprocess
import sys

import pytest

from callsheet.named_callbacks import problems

from .conftest import BAD, GOOD, plan_of, x


@pytest.mark.parametrize("written", GOOD, ids=" ".join)
def test_a_callback_that_can_be_made_is_accepted(written: tuple[str, ...]):
    assert problems(plan_of(*x(*written))) == []


@pytest.mark.parametrize("written", BAD, ids=" ".join)
def test_a_callback_that_cannot_be_made_is_refused(written: tuple[str, ...]):
    *written_, said = written
    assert said in "\n".join(problems(plan_of(*x(*written_))))
    assert "my_callbacks" not in sys.modules


def test_a_class_without_arguments_may_be_written_in_one_word():
    assert problems(plan_of("callbacks.x=my_callbacks.Nothing")) == []
    assert "needs n" in problems(plan_of("callbacks.x=my_callbacks.Simple"))[0]


def test_null_switches_a_callback_off():
    assert problems(plan_of("callbacks.x=null")) == []


@pytest.mark.parametrize("written", ["callbacks.x.speed=3", "callbacks.x=[1]", "callbacks.x=3", "callbacks.x={}"])
def test_an_entry_without_a_class_is_refused(written: str):
    [problem] = problems(plan_of(written))
    assert problem.startswith("callbacks.x") and "pkg.module.Class" in problem


def test_all_mistakes_are_found_together():
    found = problems(plan_of(*x("my_callbacks.Simple", "rat=1", "loud=3"), "callbacks.y.path=gone.Away"))
    assert len(found) == 4 and "gone.Away" in found[3]


def test_a_class_that_takes_path_is_named_by_target():
    assert problems(plan_of("callbacks.x._target_=my_callbacks.NeedsPath", "callbacks.x.path=here")) == []
    [problem] = problems(plan_of("callbacks.x._target_=my_callbacks.NeedsPath", "callbacks.x.path=3"))
    assert problem.startswith("callbacks.x.path must be text, got 3.")


def test_no_secret_stands_in_an_error():
    [problem] = problems(plan_of(*x("my_callbacks.Keyed", "api_key=between-us-only")))
    assert problem == "callbacks.x.api_key must be a whole number, got '***'."


def test_a_module_in_this_folder_that_python_does_not_search_is_pointed_out(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "beside_it.py").write_text("from my_callbacks import Nothing")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    [problem] = problems(plan_of(*x("beside_it.Nothing")))
    assert "It lies in this folder, which Python does not search: set PYTHONPATH=." in problem


# Parts of the trainer


@pytest.mark.parametrize("name", ["my_callbacks.Parts", "trl.LogCompletionsCallback", "trl.WeaveCallback"])
def test_what_the_trainer_gives_need_not_be_set(name: str):
    assert problems(plan_of(*x(name))) == []


def test_what_the_trainer_gives_cannot_be_set():
    [problem] = problems(plan_of(*x("my_callbacks.Wrong", "model=gpt2")))
    assert problem == "callbacks.x.model: Callsheet gives the callback this part of the trainer; leave it out."
    assert problems(plan_of(*x("my_callbacks.Wrong", "model=null"))) == []


@pytest.mark.parametrize("name", ["trl.LogCompletionsCallback", "trl.WeaveCallback"])
def test_a_callback_of_trl_that_generates_needs_one_evaluation_set(name: str):
    [problem] = problems(plan_of(*x(name), "dataset.eval_path=null", "trainer.args.eval_strategy='no'"))
    assert problem == f"callbacks.x: {name} needs evaluation data. Set dataset.eval or dataset.test_split_size."
    [problem] = problems(plan_of(*x(name), "dataset.eval_path=null", "dataset.eval={a: a.jsonl}"))
    assert f"callbacks.x: {name} generates from one evaluation set, and dataset.eval names sets." in problem


@pytest.mark.parametrize(
    ("trainer", "why"),
    [
        (["trainer=sft"], "trainer=sft has none"),
        (["trainer=dpo", "peft=lora"], "with peft=LoraConfig it is the model without its adapter"),
        (["trainer=grpo"], "with trainer.args.beta=0 the trainer has none"),
    ],
)
def test_a_reference_that_the_trainer_will_not_have_is_missed_early(trainer: list[str], why: str):
    synchronises = x("trl.trainer.callbacks.SyncRefModelCallback")
    [problem] = problems(plan_of(*synchronises, *trainer))
    assert problem == f"callbacks.x: trl.trainer.callbacks.SyncRefModelCallback wants the reference model, and {why}."


@pytest.mark.parametrize("trainer", [["trainer=dpo"], ["trainer=grpo", "trainer.args.beta=0.1"]])
def test_a_reference_that_the_trainer_has_is_given(trainer: list[str]):
    assert problems(plan_of(*x("trl.trainer.callbacks.SyncRefModelCallback"), *trainer)) == []


def test_checking_imports_nothing_heavy():
    code = (
        "import sys; from callsheet.config.compose import compose; from callsheet.config.plan import make_plan;"
        "from callsheet.named_callbacks import problems;"
        "names = ['trl.LogCompletionsCallback', 'transformers.EarlyStoppingCallback'];"
        "typed = ['recipe=demo', 'plugins=[]', *(f'callbacks.c{n}={name}' for n, name in enumerate(names))];"
        "assert not problems(make_plan(compose(typed), typed));"
        "heavy = {'torch', 'transformers', 'trl', 'datasets'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
