"""Reward functions: found by name, refused from their source, tried before training, and guarded in the loop."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from callsheet.config.schema import TrainerSettings
from callsheet.errors import CallsheetError
from callsheet.rewards import load, probe, problems

MODULE = """
import asyncio
import torch
from functools import partial
from json import dumps as imported

LIMIT = 3
TEXT = "text"
made_here = partial(print)

def length(completions, **kwargs):
    return [float(len(completion)) for completion in completions]

def strict(completions):
    return [0.0 for _ in completions]

def needs_answer(completions, answer, **kwargs):
    return [float(right in text) for text, right in zip(completions, answer)]

def one_short(completions, **kwargs):
    return [0.0 for _ in completions][:-1]

def total(completions, **kwargs):
    return float(len(completions))

def words(completions, **kwargs):
    return ["good" for _ in completions]

def nothing(completions, **kwargs):
    return None

def sparse(completions, **kwargs):
    return [None, 1][: len(completions)]

def tensor(completions, **kwargs):
    return torch.ones(len(completions))

def tensors(completions, **kwargs):
    return [torch.tensor(1.0) for _ in completions]

def breaks(completions, **kwargs):
    return [kwargs["solution"] for _ in completions]

async def later(completions, **kwargs):
    await asyncio.sleep(0)
    return [1.0 for _ in completions]

async def later_short(completions, **kwargs):
    return []

def breaks_in_training(completions, trainer_state, **kwargs):
    return [0.0] * (len(completions) - (trainer_state.global_step > 0))

def maker(threshold, scale=1.0):
    def reward(completions, **kwargs):
        return [scale * (len(completion) > threshold) for completion in completions]
    return reward

class Scorer:
    def __init__(self, weight):
        self.weight = weight
    def __call__(self, completions, **kwargs):
        return [self.weight for _ in completions]
"""


@pytest.fixture(autouse=True)
def _module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "my_rewards.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("my_rewards", None)
    yield
    sys.modules.pop("my_rewards", None)


def grpo(*rewards: Any, **args: Any) -> TrainerSettings:
    return TrainerSettings("grpo", "trl.GRPOTrainer", "trl.GRPOConfig", rewards=[*rewards], args=args)


def tried(reward: Any, rows: Any = ({"prompt": "a", "answer": "b"}, {"prompt": "c", "answer": "d"})) -> Any:
    functions = load([reward], list(rows[0]))
    probe(functions, [reward], rows, lambda text: [1, 2])
    return functions[0]


# From the source


@pytest.mark.parametrize(
    "reward",
    [
        "think_format_reward",
        "accuracy_reward",
        "get_repetition_penalty_reward",
        {"path": "get_soft_overlong_punishment", "max_completion_len": 8, "soft_punish_cache": 2},
        "my_rewards.length",
        "my_rewards.later",
        "my_rewards.made_here",
        {"path": "my_rewards.maker", "threshold": 3},
        {"path": "my_rewards.Scorer", "weight": 2},
        "organization/reward-model",
        "./a/folder",
    ],
)
def test_a_reward_that_can_be_is_accepted(reward: Any):
    assert problems(grpo(reward)) == []


@pytest.mark.parametrize(
    ("reward", "said"),
    [
        ("think_formt_reward", "TRL has no reward function 'think_formt_reward'. Did you mean 'think_format_reward'?"),
        ("my_rewards.lenght", "trainer.rewards: my_rewards has no 'lenght'. Did you mean 'length'?"),
        ("my_reward.length", "trainer.rewards: my_reward.length needs the package 'my_reward', which is not installed."),
        ("trl.reward.length", "trainer.rewards: package 'trl' has no module 'trl.reward'."),
        ("trl.rewards.format_rewards", "trainer.rewards: trl.rewards.format_rewards is a module; name a function in it."),
        ("my_rewards.LIMIT", "trainer.rewards: my_rewards.LIMIT is not a function: my_rewards, line 7, sets it to 3."),
        ("my_rewards.TEXT", "my_rewards.TEXT is not a function: my_rewards, line 8, sets it to 'text'."),
        ("my_rewards.strict", "my_rewards.strict must take **kwargs: it is called with prompts, completions"),
        ("my_rewards.Scorer", "my_rewards.Scorer is a class. Write {path: my_rewards.Scorer}, with its arguments"),
        ("get_soft_overlong_punishment", "{path: get_soft_overlong_punishment, max_completion_len: …, soft_punish_cache: …}"),
        ({"path": "my_rewards.maker", "treshold": 3}, "my_rewards.maker takes no argument 'treshold'. Did you mean 'threshold'?"),
        ({"path": "my_rewards.maker"}, "my_rewards.maker makes a reward function and needs threshold"),
        (3, "trainer.rewards: 3 is not a name, or {path: NAME}"),
    ],
)  # fmt: skip
def test_a_reward_that_cannot_be_is_refused_from_its_source(reward: Any, said: str):
    [problem] = problems(grpo(reward))
    assert said in problem
    assert "my_rewards" not in sys.modules


def test_a_module_in_this_folder_that_python_does_not_search_is_pointed_out(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "beside.py").write_text("def length(completions, **kwargs): ...")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    assert (
        "It lies in this folder, which Python does not search: set PYTHONPATH=." in problems(grpo("beside.length"))[0]
    )


def test_as_many_weights_as_rewards_are_wanted():
    assert problems(grpo("my_rewards.length", reward_weights=[1.0])) == []
    assert problems(grpo("my_rewards.length", reward_weights=[1.0, 2.0])) == [
        "trainer.args.reward_weights holds 2 weights, and trainer.rewards 1."
    ]


def test_checking_imports_nothing_heavy():
    code = (
        "import sys; from callsheet.rewards.checking import problems; from callsheet.config.schema import TrainerSettings;"
        "assert not problems(TrainerSettings('g', 'trl.GRPOTrainer', 'trl.GRPOConfig', rewards=['think_format_reward']));"
        "heavy = {'torch', 'transformers', 'trl', 'datasets'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# Tried before training


@pytest.mark.parametrize(
    ("reward", "returned"),
    [
        ("my_rewards.length", [1.0, 2.0]),
        ("my_rewards.sparse", [None, 1]),
        ("my_rewards.tensor", [1.0, 1.0]),
        ({"path": "my_rewards.maker", "threshold": 1, "scale": 2.0}, [0.0, 2.0]),
        ({"path": "my_rewards.Scorer", "weight": 2}, [2, 2]),
    ],
)
def test_a_reward_returns_what_its_function_does(reward: Any, returned: list[float | None]):
    assert tried(reward)(completions=["a", "bc"], prompts=["", ""]) == returned


def test_a_reward_keeps_the_name_under_which_it_is_logged():
    assert tried("my_rewards.length").__name__ == "length"
    assert tried({"path": "my_rewards.Scorer", "weight": 2}).__name__ == "Scorer"


def test_tensors_of_one_number_are_numbers():
    assert [float(value) for value in tried("my_rewards.tensors")(completions=["a"])] == [1.0]


@pytest.mark.parametrize(
    ("reward", "said"),
    [
        ("my_rewards.one_short", "Reward my_rewards.one_short returned 1 value for 2 completions; expected one number"),
        ("my_rewards.total", "Reward my_rewards.total returned 2.0 (float); expected a list with one number, or None"),
        ("my_rewards.nothing", "Reward my_rewards.nothing returned None (NoneType); expected a list"),
        ("my_rewards.words", "Reward my_rewards.words returned 'good' (str) at place 0; expected one number"),
        ("my_rewards.later_short", "Reward my_rewards.later_short returned 0 values for 2 completions"),
        ("my_rewards.breaks", "Reward my_rewards.breaks failed on the first rows with KeyError: 'solution'."),
        ("think_format_reward", "Its completions are text, because the prompts are."),
        ("accuracy_reward", "accuracy_reward needs the column 'solution'; the data set has prompt, answer."),
        ({"path": "my_rewards.total", "completions": []}, "my_rewards.total makes 0.0, which cannot be called."),
        ({"path": "get_repetition_penalty_reward", "max_penalty": 1}, "refuses its arguments: max_penalty 1 should not be positive"),
    ],
)  # fmt: skip
def test_a_reward_that_would_fail_is_refused_before_training(reward: Any, said: str):
    with pytest.raises(CallsheetError) as refusal:
        tried(reward)
    assert said in str(refusal.value)


def test_rewards_are_tried_with_the_columns_of_the_data():
    assert tried("my_rewards.needs_answer")(completions=["b"], answer=["b"]) == [1.0]
    with pytest.raises(CallsheetError, match="needs the column 'answer'; the data set has prompt"):
        tried("my_rewards.needs_answer", [{"prompt": "a"}])


def test_conversations_are_answered_by_messages():
    rows = [{"prompt": [{"role": "user", "content": "a"}]}]
    assert tried("think_format_reward", rows)(completions=[[{"content": "<think>\na\n</think>\nb"}]]) == [1.0]


# In training


@pytest.mark.parametrize("trainer", ["grpo", "rloo"])
def test_several_rewards_are_weighed_and_logged_by_name(run_trainer, trainer):
    rewards = "trainer.rewards=[my_rewards.needs_answer,my_rewards.later,{path:my_rewards.maker,threshold:2}]"
    session = run_trainer(trainer, rewards, "trainer.args.reward_weights=[1,0.5,2]")
    logged = next(row for row in session.run_dir.rows("metrics.jsonl") if "reward" in row)
    names = ("needs_answer", "later", "reward")
    means = [logged[f"rewards/{name}/mean"] for name in names]
    assert logged["reward"] == pytest.approx(means[0] + 0.5 * means[1] + 2 * means[2], rel=1e-5)


def test_a_reward_model_is_a_reward(run_trainer):
    folder = run_trainer("reward", output_dir="judge").run_dir.path
    session = run_trainer("grpo", f"trainer.rewards=[{folder}]")
    assert any("rewards/judge/mean" in row for row in session.run_dir.rows("metrics.jsonl"))


def test_a_reward_that_fails_is_refused_before_the_run_directory_is_made(run_trainer, tmp_path):
    with pytest.raises(CallsheetError, match="returned 1 value for 2 completions"):
        run_trainer("grpo", "trainer.rewards=[my_rewards.one_short]")
    assert not (tmp_path / "run").exists()


def test_a_reward_that_fails_in_training_is_named(run_trainer):
    with pytest.raises(
        CallsheetError, match=r"Reward my_rewards.breaks_in_training returned 1 value for 2 completions"
    ):
        run_trainer("grpo", "trainer.rewards=[my_rewards.breaks_in_training]")
