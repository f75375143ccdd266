"""Arguments that transformers renamed: defaults follow the installed version, and what is typed stays as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from callsheet.config.compose import compose
from callsheet.config.plan import Plan, make_plan
from callsheet.trainer.args import problems

OLD, NEW = "gradient_checkpointing", "activation_checkpointing"
SOURCE = f"""
from dataclasses import dataclass

@dataclass
class Before:
    {OLD}: bool = False

@dataclass
class Since:
    {OLD}: bool | None = None
    {NEW}: bool | None = None
"""


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The plan of the demo with the arguments of one of the classes above."""
    (tmp_path / "versions.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)

    def make(config_class: str, *overrides: str) -> Plan:
        typed = ["recipe=demo", f"trainer.config_class=versions.{config_class}", *overrides]
        return make_plan(compose(typed), typed)

    return make


def checkpointing(args: Any) -> dict[str, Any]:
    return {name: value for name, value in args.items() if name in (OLD, NEW)}


@pytest.mark.parametrize(("config_class", "name"), [("Before", OLD), ("Since", NEW)])
def test_a_default_goes_under_the_name_that_the_class_has(plan, config_class, name):
    assert checkpointing(plan(config_class).trainer.args) == {name: False}


def test_the_record_of_a_run_keeps_the_newest_name(plan):
    """So a run that goes on after an upgrade is still the same run, one of 0.1.0 too."""
    before, since = plan("Before").composed["trainer"], plan("Since").composed["trainer"]
    assert before["args"] == since["args"] and checkpointing(before["args"]) == {NEW: False}


@pytest.mark.parametrize("typed", [OLD, NEW])
def test_what_is_typed_is_never_renamed_and_the_default_yields(plan, typed):
    made = plan("Since", f"trainer.args.{typed}=true")
    assert checkpointing(made.trainer.args) == checkpointing(made.composed["trainer"]["args"]) == {typed: True}


def test_a_name_of_another_version_is_refused_with_the_right_one(plan):
    from transformers import __version__

    made = plan("Before", f"trainer.args.{NEW}=true")
    found = problems(checkpointing(made.trainer.args), made.trainer.config_class)
    assert found == [
        f"versions.Before has no argument '{NEW}'. The installed transformers {__version__} calls it '{OLD}'. "
        f"(trainer.args.{NEW})"
    ]


def test_a_recipe_may_write_any_name_too(plan):
    made = plan("Before", f"trainer.args.{NEW}=${{callsheet.any_name:true}}")
    assert checkpointing(made.trainer.args) == {OLD: True}
