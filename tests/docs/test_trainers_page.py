"""The page on trainers says what the configurations and the tests say, and its commands pass the checks."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest

from callsheet.compose import compose
from callsheet.plan import make_plan
from callsheet.train import check

PAGE = Path(__file__).parents[2] / "docs" / "trainers.md"
COMMANDS = re.findall(r"^callsheet train (.*)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)


def test_the_tables_are_up_to_date():
    spec = importlib.util.spec_from_file_location("make_trainers", PAGE.parent / "make_trainers.py")
    make_trainers = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_trainers)
    text = PAGE.read_text(encoding="utf-8")
    assert "| `trainer=sft` | none, lora, ia3 |" in text and make_trainers.page(text) == text, (
        "run python docs/make_trainers.py"
    )


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.partition(" ")[0])
def test_every_command_of_the_page_passes_the_checks(command):
    overrides = shlex.split(command)
    assert check(make_plan(compose(overrides), overrides)).problems == []


def test_every_trainer_has_a_command():
    shown = {command.partition(" ")[0].removeprefix("trainer=") for command in COMMANDS}
    assert shown == {file.stem for file in (PAGE.parents[1] / "conf/callsheet_conf/trainer").glob("*.yaml")}
