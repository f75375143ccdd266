"""The names under which rewards are logged: no two are the same, and one that is the only one stays."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from callsheet.config.schema import TrainerSettings
from callsheet.rewards import distinct, numbered, problems

MODULE = """
from functools import partial

def scaled(factor, kind="plain"):
    def _scaled(completions, **kwargs):
        return [factor * float(len(completion)) for completion in completions]
    return _scaled

def _worth(completions, factor=1.0, **kwargs):
    return [factor for _ in completions]

twice = partial(_worth, factor=2.0)
thrice = partial(_worth, factor=3.0)
"""


def made(path: str, **arguments: Any) -> dict[str, Any]:
    return {"path": path, **arguments}


@pytest.mark.parametrize(
    ("names", "rewards", "wanted"),
    [
        (["length", "format"], ["my.length", "my.format"], ["length", "format"]),
        (["_s", "_s"], [made("my.s", factor=1), made("my.s", factor=0.5)], ["s-factor-1", "s-factor-0.5"]),
        (["_s", "_s"], [made("my.s", factor=1, kind="a b"), made("my.s", factor=1)], ["s-kind-a_b", "s"]),
        (["_s", "f", "_s"], [made("my.s"), "my.f", made("my.t")], ["s", "f", "t"]),
        (["length", "length"], ["a.length", "b.length"], ["a.length", "b.length"]),
        (["_s", "_s", "s"], [made("my.s", n=1), made("my.t"), "my.s"], ["s-n-1", "t", "s"]),
        (["judge", "judge"], ["me/judge", "you/judge"], ["me.judge", "you.judge"]),
        (["judge", "judge"], ["./runs/1/judge", "/runs/2/judge"], ["1.judge", "2.judge"]),
        (["judge", "judge"], ["me/judge", "my.judge"], ["me.judge", "judge"]),
        (["s", "s"], [made("my.s", of=["x" * 30, 1]), made("my.s", of=["x" * 30, 2])], None),
        (["completion"], ["my.completion"], ["my.completion"]),
        (["length", "length", "Environment"], ["a.length", "b.length"], ["a.length", "b.length", "Environment"]),
    ],
)  # fmt: skip
def test_rewards_of_one_name_get_the_shortest_names_that_differ(
    names: list[str], rewards: list[Any], wanted: list[str] | None
) -> None:
    found = distinct(names, rewards)
    assert found == (wanted or found) and len({*found}) == len(names)
    assert all("/" not in name and " " not in name for name in found)


def test_rewards_of_a_trainer_that_others_built_are_numbered() -> None:
    assert numbered(["a", "b", "a", "a-2", "a"]) == ["a", "b", "a-3", "a-2", "a-4"]


def test_a_reward_that_is_named_twice_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_columns.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    rewards: list[Any] = [made("my_columns.scaled", factor=1), "think_format_reward", "my_columns.twice"]
    settings = TrainerSettings("grpo", "trl.GRPOTrainer", "trl.GRPOConfig", rewards=rewards)
    assert problems(settings) == []
    settings.rewards = [*rewards, made("my_columns.scaled", factor=1), "my_columns.twice"]
    assert problems(settings) == [
        "trainer.rewards names my_columns.scaled twice with the same arguments. Name it once; "
        "trainer.args.reward_weights gives it more weight.",
        "trainer.rewards names my_columns.twice twice. Name it once; trainer.args.reward_weights gives it more weight.",
    ]


@pytest.mark.parametrize("trainer", ["grpo", "rloo"])
def test_each_reward_has_a_column_of_its_own(
    run_trainer: Any, trainer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_columns.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_columns", raising=False)
    scaled = ",".join(f"{{path:my_columns.scaled,factor:{factor}}}" for factor in (1, 10))
    session = run_trainer(trainer, f"trainer.rewards=[{scaled},my_columns.twice,my_columns.thrice]")
    rows = [row for row in session.run_dir.rows("metrics.jsonl") if "reward" in row]
    for row in rows:
        one, ten = (row[f"rewards/scaled-factor-{factor}/mean"] for factor in (1, 10))
        assert ten == pytest.approx(10 * one) and one > 0
        assert (row["rewards/twice/mean"], row["rewards/thrice/mean"]) == (2.0, 3.0)
    assert rows
