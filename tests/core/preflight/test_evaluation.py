"""What no evaluation can give is refused before the imports that would refuse it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from callsheet.config.compose import compose
from callsheet.config.plan import make_plan
from callsheet.preflight.evaluation import problems

NO_DATA = ("dataset=path", "dataset.path=train.jsonl")
BEST = "trainer.args.load_best_model_at_end=true"


def found(*overrides: str) -> list[str]:
    typed = ["recipe=demo", "plugins=[]", *overrides]
    return problems(make_plan(compose(typed), typed))


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (NO_DATA, "trainer.args.eval_strategy=steps, and there are no data to evaluate on."),
        ((*NO_DATA, "trainer.args.eval_strategy=epoch"), "trainer.args.eval_strategy=epoch, and there are no data"),
        ((*NO_DATA, "trainer.args.eval_strategy=no", "trainer.args.eval_on_start=true"), "trainer.args.eval_on_start=true, and there"),
        ((*NO_DATA, "trainer.args.eval_strategy=no", "finish.evaluate=true"), "finish.evaluate=true, and there are no data"),
        ((BEST, "trainer.args.eval_strategy=no"), "load_best_model_at_end=true needs evaluations, and trainer.args.eval_strategy is no."),
        (("trainer.args.save_strategy=best", "trainer.args.eval_strategy=no"), "save_strategy=best needs evaluations"),
        (("trainer.args.lr_scheduler_type=reduce_lr_on_plateau", "trainer.args.eval_strategy=no"), "reduce_lr_on_plateau needs evaluations"),
        (("trainer.args.save_strategy=best",), "save_strategy=best needs trainer.args.metric_for_best_model"),
        ((BEST, "trainer.args.save_strategy=epoch"), "eval_strategy is steps, and save_strategy is epoch."),
        ((BEST, "trainer.args.eval_steps=30"), "save_steps=100 must be a multiple of eval_steps, which is 30."),
        ((BEST, "trainer.args.eval_steps=null", "trainer.args.logging_steps=30"), "must be a multiple of eval_steps, which is 30."),
        ((BEST, "trainer.args.eval_steps=0.1"), "must both be shares, or both numbers of steps."),
        ((BEST, "trainer.args.eval_steps=0.3", "trainer.args.save_steps=0.5"), "save_steps=0.5 must be a multiple of eval_steps"),
    ],
)  # fmt: skip
def test_it_is_refused(overrides: tuple[str, ...], said: str) -> None:
    [problem] = found(*overrides)
    assert said in problem


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        (*NO_DATA, "trainer.args.eval_strategy=no"),
        (*NO_DATA, "dataset.test_split_size=0.1", "finish.evaluate=true"),
        (BEST,),
        (BEST, "trainer.args.eval_strategy=epoch", "trainer.args.save_strategy=epoch"),
        (BEST, "trainer.args.eval_steps=0.1", "trainer.args.save_steps=0.3"),
        (BEST, "trainer.args.save_strategy=best"),
        ("trainer.args.save_strategy=best", "trainer.args.metric_for_best_model=eval_loss"),
        (*NO_DATA, "trainer.trainer_class=mine.Trainer"),  # which may bring its own
    ],
)
def test_what_goes_together_is_taken(overrides: tuple[str, ...]) -> None:
    assert found(*overrides) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "args",
    [
        {"eval_strategy": "no", "load_best_model_at_end": True},
        {"eval_strategy": "steps", "save_strategy": "epoch", "load_best_model_at_end": True},
        {"eval_strategy": "steps", "save_steps": 100, "eval_steps": 30, "load_best_model_at_end": True},
        {"eval_strategy": "steps", "save_steps": 0.5, "eval_steps": 0.3, "load_best_model_at_end": True},
        {"eval_strategy": "steps", "save_steps": 0.3, "eval_steps": 0.1, "load_best_model_at_end": True},
        {"eval_strategy": "steps", "save_steps": 90, "eval_steps": 30, "load_best_model_at_end": True},
        {"eval_strategy": "steps", "save_strategy": "best", "load_best_model_at_end": True},
        {"eval_strategy": "no", "lr_scheduler_type": "reduce_lr_on_plateau"},
    ],
)
def test_transformers_refuses_the_same(args: dict[str, Any], tmp_path: Path) -> None:
    from transformers import TrainingArguments

    try:
        TrainingArguments(output_dir=str(tmp_path), use_cpu=True, **args)
        refused = False
    except ValueError:
        refused = True
    written = [f"trainer.args.{name}={str(value).lower()}" for name, value in args.items()]
    assert bool(found("trainer.args.save_steps=500", *written)) == refused
