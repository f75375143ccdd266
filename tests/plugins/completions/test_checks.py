"""What `callsheet check` says of completions."""

from __future__ import annotations

from typing import Any

import pytest

from callsheet.config.compose import compose
from callsheet.config.plan import make_plan
from callsheet.errors import CallsheetError
from callsheet.run.train import check

DATA = "dataset.path=conf/callsheet_conf/demo/train.jsonl"
EVALUATION = "dataset.test_split_size=10"
BASE = ("model=demo", DATA, "plugins=[completions]", "trainer.args.use_cpu=true", "trainer.args.bf16=false")
REWARD = "trainer.rewards=[callsheet.testing.rewards.length]"


def report(*overrides: str) -> Any:
    typed = [*BASE, *overrides]
    return check(make_plan(compose(typed), typed))


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (("trainer=sft",), "takes its prompts from the evaluation set, and there is none. Set dataset.eval_path"),
        (("trainer=grpo", REWARD, "plugins.completions.sample=true"), "or leave plugins.completions.sample out."),
        (("trainer=reward", EVALUATION), "cannot serve trainer=reward: A reward model gives no text."),
        (("trainer=hf", EVALUATION, "model.auto_class=AutoModelForSequenceClassification"), "which gives no text"),
        (
            ("trainer=sft", EVALUATION, "plugins.completions.generation_config.max_new_token=3"),
            "Did you mean 'max_new_tokens'?",
        ),
        (
            ("trainer=sft", EVALUATION, "plugins.completions.scorers=[json.dumbs]"),
            "json has no 'dumbs'. Did you mean 'dumps'?",
        ),
    ],
)
def test_a_mistake_is_a_problem(overrides: tuple[str, ...], said: str) -> None:
    assert said in "\n".join(report(*overrides).problems)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ((), "samples once, at the end: trainer.args.eval_strategy is no, and plugins.completions.freq is not set."),
        (
            ("plugins.completions.freq=9", "trainer.args.max_steps=4"),
            "plugins.completions.freq=9, and the run takes 4 steps.",
        ),
        (("plugins.completions.generation_config.top_p=0.5",), "top_p does nothing without do_sample: true."),
    ],
)
def test_a_surprise_is_a_warning(overrides: tuple[str, ...], said: str) -> None:
    found = report("trainer=sft", EVALUATION, *overrides)
    assert found.problems == [] and said in "\n".join(found.warnings)


@pytest.mark.parametrize(
    "overrides", [("trainer=grpo", REWARD), ("trainer=sft", EVALUATION, "trainer.args.eval_strategy=steps")]
)
def test_what_is_right_passes(overrides: tuple[str, ...]) -> None:
    found = report(*overrides)
    assert found.problems == [] and "completions" not in "\n".join(found.warnings)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("num_prompts=0", "num_prompts must be at least 1"),
        ("num_prompts=-1", "num_prompts must be at least 1"),
        ("num_prompts=1000000000", "at most 10000"),
        ("freq=0", "freq must be at least 1"),
        ("freq=-1", "freq must be at least 1"),
        ("prompts=fixd", "fixed"),
        ("num_promts=3", "num_prompts"),
    ],
)
def test_settings_out_of_range_are_refused(setting: str, said: str) -> None:
    with pytest.raises(CallsheetError, match=said):
        report("trainer=sft", EVALUATION, f"plugins.completions.{setting}")


def test_it_imports_lightly(imports_lightly: Any) -> None:
    imports_lightly("callsheet_plugins.completions")
