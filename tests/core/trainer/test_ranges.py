"""Numbers out of reason: those of every argument of every trainer, by what they are and by what they mean."""

from __future__ import annotations

from typing import Any

import pytest

from callsheet.introspect.arguments import Argument, read_arguments
from callsheet.trainer.ranges import MAY_BE_INFINITE, RANGES, STEPS, problems

SFT = "trl.SFTConfig"
CLASSES = [
    "transformers.TrainingArguments",
    *(f"trl.{name}Config" for name in ("SFT", "DPO", "KTO", "GRPO", "RLOO", "Reward")),
]
NUMERIC: dict[str, tuple[str, Argument]] = {
    name: (each, argument) for each in CLASSES for name, argument in read_arguments(each).items() if argument.is_numeric
}


def test_arguments_of_every_trainer_are_looked_at():
    assert {"learning_rate", "save_steps", "max_length", "temperature", "num_generations", "label_smoothing"} < {
        *NUMERIC
    }


@pytest.mark.parametrize("name", NUMERIC)
def test_no_argument_may_be_nan_or_overflow_and_few_may_be_infinite(name: str):
    config_class = NUMERIC[name][0]
    assert problems({name: float("nan")}, config_class) == [f"trainer.args.{name} must be a number, got nan."]
    assert len(problems({name: 10**20}, config_class)) == 1
    assert bool(problems({name: float("inf")}, config_class)) == (name not in MAY_BE_INFINITE)


@pytest.mark.parametrize("name", NUMERIC)
def test_every_default_is_within_reason(name: str):
    config_class, argument = NUMERIC[name]
    value = argument.default_value
    assert problems({name: value} if value is not None else {}, config_class) == []


@pytest.mark.parametrize("name", sorted({*NUMERIC} - {"f_alpha_divergence_coef", "reward_clip_range"}))
def test_no_argument_may_be_negative_but_by_default(name: str):
    config_class, argument = NUMERIC[name]
    # A strategy that nobody chose uses no steps, and weights of rewards may punish.
    args = {STEPS[name]: "steps"} if name in STEPS else {}
    negative: Any = [-3] if "list" in argument.annotation else -3
    refused = bool(problems({**args, name: negative}, config_class))
    assert refused == ("list" not in argument.annotation)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (
            {"save_steps": 0},
            "save_steps must be more than 0, got 0. To save nothing, set trainer.args.save_strategy=no.",
        ),
        ({"logging_steps": 1.5}, "logging_steps must be a whole number of steps, or a share of all below 1, got 1.5."),
        ({"eval_steps": 0, "eval_strategy": "steps"}, "eval_steps must be more than 0, got 0. To evaluate never,"),
        ({"max_length": -3}, "max_length must be at least 1, got -3."),
        ({"max_steps": 0}, "max_steps must be at least 1, got 0."),
        ({"learning_rate": float("inf")}, "learning_rate must be a finite number, got inf."),
        ({"learning_rate": "-1e-4"}, "learning_rate must be at least 0, got -0.0001."),
        ({"save_total_limit": -3}, "save_total_limit must be at least 1, got -3."),
        ({"save_total_limit": 0}, "save_total_limit must be at least 1, got 0."),
        ({"seed": 2**32}, "seed must be at least 0 and at most 4294967295, got 4294967296."),
        ({"seed": 10**30}, "seed must be below 2 to the power of 63"),
        ({"seed": 10**300}, "seed has too many digits."),
        ({"per_device_train_batch_size": 10**9}, "per_device_train_batch_size must be at least 1 and at most 1048576"),
        ({"gradient_accumulation_steps": 0}, "gradient_accumulation_steps must be at least 1"),
        ({"adam_beta2": 1.0}, "adam_beta2 must be at least 0 and less than 1, got 1.0."),
        ({"num_train_epochs": 0}, "num_train_epochs must be more than 0, got 0."),
        ({"lr_scheduler_kwargs": {"min_lr": float("nan")}}, "lr_scheduler_kwargs must be a number, got nan."),
    ],
)
def test_a_number_out_of_reason_is_refused_with_what_it_may_be(args: dict[str, Any], said: str):
    [found] = problems(args, SFT)
    assert found.startswith("trainer.args.") and said in found


@pytest.mark.parametrize(
    "args",
    [
        {"max_steps": -1},
        {"save_steps": 0.1, "logging_steps": 1, "eval_steps": 0.5},
        {"save_steps": 0, "save_strategy": "no"},
        {"save_steps": 0, "save_strategy": "epoch"},
        {"eval_steps": 0},
        {"num_train_epochs": 0, "max_steps": 5},
        {"seed": True, "weight_decay": None, "max_length": None},
        {"max_grad_norm": float("inf")},
        {"run_name": "-5", "learning_rate": "1e-4"},
        {"pad_to_multiple_of": 8},
        {"local_rank": -1},
        {"unknown": float("nan")},
    ],
)
def test_a_number_that_means_something_is_taken(args: dict[str, Any]):
    assert problems(args, SFT) == []


def test_an_argument_of_ones_own_may_be_negative_and_not_nan(tmp_path, monkeypatch):
    source = "from dataclasses import dataclass\n@dataclass\nclass Mine:\n    offset: float = 0.0\n"
    (tmp_path / "x_ranges.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    assert problems({"offset": -1.0}, "x_ranges.Mine") == []
    assert len(problems({"offset": float("nan")}, "x_ranges.Mine")) == 1


def test_most_ranges_belong_to_an_argument():
    adapters = {"r", "lora_dropout", "num_virtual_tokens"}
    older = {"max_prompt_length", "warmup_ratio"}
    assert {*RANGES} - {*NUMERIC} <= adapters | older
