"""Trainer arguments, checked by name, type, choice and range."""

from __future__ import annotations

from typing import Any

import pytest

from callsheet.trainer.args import coerce, problems

SFT = "trl.SFTConfig"


def only(found: list[str]) -> str:
    assert len(found) == 1, found
    return found[0]


def test_an_unknown_argument_suggests_the_nearest():
    assert only(problems({"max_stepz": 5}, SFT)) == (
        "trl.SFTConfig has no argument 'max_stepz'. Did you mean 'max_steps'? (trainer.args.max_stepz)"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", 1),
        ("learning_rate", "1e-4"),
        ("learning_rate", "-.5E3"),
        ("max_length", None),
        ("bf16", None),
        ("packing", True),
        ("run_name", "1e-4"),
        ("pad_to_multiple_of", 8),
        ("report_to", ["wandb"]),
        ("save_strategy", "best"),
        ("save_strategy", "no"),
        ("gradient_checkpointing_kwargs", {"use_reentrant": False}),
        ("push_to_hub", False),
        ("hub_token", None),
    ],
)
def test_what_the_class_accepts_is_accepted(name: str, value: Any):
    assert problems({name: value}, SFT) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("max_steps", 1.5, "must be a whole number, got 1.5."),
        ("max_steps", True, "must be a whole number, got True."),
        ("max_steps", "1e-4", "must be a whole number, got '1e-4'."),
        ("max_steps", None, "must be a whole number, got None."),
        ("learning_rate", "fast", "must be a number, got 'fast'."),
        ("learning_rate", False, "must be a number, got False."),
        ("packing", 1, "must be true or false, got 1."),
        ("bf16", "yes", "must be true or false or null, got 'yes'."),
        ("dataset_text_field", ["text"], "must be text, got ['text']."),
        ("packing_strategy", "bdf", "must be one of bfd, bfd_split, wrapped, got 'bdf'. Did you mean 'bfd'?"),
        ("eval_strategy", "stpes", "must be one of no, steps, epoch, got 'stpes'. Did you mean 'steps'?"),
        ("save_strategy", False, "got False. YAML reads no as false; write 'no' in quotes."),
    ],
)
def test_what_it_does_not_accept_is_refused(name: str, value: Any, said: str):
    assert only(problems({name: value}, SFT)).endswith(said)


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("output_dir", "output_dir="),
        ("resume_from_checkpoint", "resume="),
        ("hub_token", "HF_TOKEN"),
        ("push_to_hub", "blocks training and uploads training_args.bin"),
    ],
)
def test_what_the_run_decides_is_refused_with_what_to_set_instead(name: str, instead: str):
    said = only(problems({name: True if name == "push_to_hub" else "secret"}, SFT))
    assert said.startswith(f"trainer.args.{name} belongs to the run: ")
    assert instead in said and "'secret'" not in said


def test_written_numbers_become_floats_where_the_class_wants_floats():
    given = {"learning_rate": "1e-4", "run_name": "1e-4", "weight_decay": 1, "max_steps": 5, "unknown": "1e-4"}
    assert coerce(given, SFT) == {**given, "learning_rate": 1e-4}
    assert isinstance(coerce(given, SFT)["weight_decay"], int)
