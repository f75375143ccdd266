"""Sizes that GRPO and RLOO cannot generate are refused before TRL is imported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from callsheet.config.compose import compose
from callsheet.config.plan import make_plan
from callsheet.preflight.generations import problems

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"per_device_train_batch_size": 3}, "num_generations=2 does not divide the 3 completions that are generated at a time (per_device_train_batch_size × gradient_accumulation_steps)."),
    ({"num_generations": 3}, "num_generations=3 does not divide the 8 completions"),
    ({"generation_batch_size": 12}, "generation_batch_size=12 must be a multiple of the 8 rows of a step, per_device_train_batch_size."),
    ({"generation_batch_size": 16, "num_generations": 3}, "num_generations=3 does not divide the 16 completions that are generated at a time (generation_batch_size)."),
    ({"steps_per_generation": 3, "num_generations": 16}, "(per_device_train_batch_size × steps_per_generation)"),
    ({"generation_batch_size": 16, "steps_per_generation": 2}, "say the same; set one of them."),
    ({"eval_strategy": "steps", "per_device_eval_batch_size": 3}, "num_generations=2 does not divide the 3 rows of an evaluation batch"),
    ({"eval_strategy": "steps", "num_generations_eval": 3}, "num_generations_eval=3 does not divide the 8 rows"),
]  # fmt: skip
RIGHT: list[dict[str, Any]] = [
    {},
    {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 2},
    {"generation_batch_size": 16, "num_generations": 16},
    {"steps_per_generation": 3, "num_generations": 3},
    {"per_device_eval_batch_size": 3},
]


def found(trainer: str, args: dict[str, Any], *overrides: str) -> list[str]:
    given = {"per_device_train_batch_size": 8, "num_generations": 2, **args}
    typed = [
        "model=demo",
        f"trainer={trainer}",
        "dataset.path=org/data",
        "trainer.rewards=[accuracy_reward]",
        *overrides,
    ]
    typed += [f"trainer.args.{name}={value}" for name, value in given.items()]
    return problems(make_plan(compose(typed), typed))


@pytest.mark.parametrize("trainer", ["grpo", "rloo"])
@pytest.mark.parametrize(("args", "said"), WRONG)
def test_what_holds_no_whole_groups_is_refused(trainer: str, args: dict[str, Any], said: str) -> None:
    [problem] = found(trainer, args)
    assert problem.startswith("trainer.args.") and said in problem


@pytest.mark.parametrize("trainer", ["grpo", "rloo"])
@pytest.mark.parametrize("args", RIGHT)
def test_whole_groups_are_taken(trainer: str, args: dict[str, Any]) -> None:
    assert found(trainer, args) == []


def test_processes_count() -> None:
    processes = ("launch=ddp", "launch.processes=3", "trainer.args.use_cpu=true")
    [problem] = found("grpo", {"num_generations": 16}, *processes)
    assert "does not divide the 24 completions" in problem and "per_device_train_batch_size × 3 processes" in problem
    assert found("grpo", {"num_generations": 24}, *processes) == []


@pytest.mark.slow
@pytest.mark.parametrize("config", ["GRPOConfig", "RLOOConfig"])
@pytest.mark.parametrize("args", [*(args for args, _ in WRONG), *RIGHT])
def test_trl_refuses_the_same(config: str, args: dict[str, Any], tmp_path: Path) -> None:
    import trl

    given = {"per_device_train_batch_size": 8, "num_generations": 2, "use_cpu": True, "bf16": False, **args}
    try:
        getattr(trl, config)(output_dir=str(tmp_path), **given)
        refused = False
    except ValueError:
        refused = True
    assert bool(found(config.removesuffix("Config").lower(), args)) == refused
