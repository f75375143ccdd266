"""The pages say what the configurations, the plugins and the tests say, and their commands pass the checks."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest

from callsheet.config.compose import compose
from callsheet.config.plan import make_plan
from callsheet.run.train import check

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [DOCS / "trainers.md", DOCS / "weights.md", DOCS / "resume.md"]
COMMANDS = [
    command
    for page in (*PAGES, DOCS / "data.md", DOCS / "callbacks.md")
    for command in re.findall(r"^callsheet train (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
]
SHOWN = {
    "trainers.md": "| `trainer=sft` | none, lora, ia3 |",
    "weights.md": "| `ref_sync` | whole model, adapter |",
    "resume.md": "| `peft` | may not | may not |",
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_tables_are_up_to_date(page):
    spec = importlib.util.spec_from_file_location("make_tables", DOCS / "make_tables.py")
    make_tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_tables)
    text = page.read_text(encoding="utf-8")
    assert SHOWN[page.name] in text and make_tables.page(text) == text, "run python docs/make_tables.py"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.partition(" ")[0])
def test_every_command_of_the_page_passes_the_checks(command):
    overrides = shlex.split(command)
    assert check(make_plan(compose(overrides), overrides)).problems == []


def test_every_trainer_has_a_command():
    first = [command.partition(" ")[0] for command in COMMANDS]
    shown = {word.removeprefix("trainer=") for word in first if word.startswith("trainer=")}
    assert shown == {file.stem for file in (DOCS.parent / "conf/callsheet_conf/trainer").glob("*.yaml")}


@pytest.mark.parametrize(
    "page",
    [*sorted(DOCS.glob("*.md")), DOCS.parent / "README.md", DOCS.parent / "CONTRIBUTING.md"],
    ids=lambda page: page.name,
)
def test_every_file_of_the_repository_that_a_page_names_exists(page):
    text = page.read_text(encoding="utf-8")
    root = DOCS.parent
    named = {
        *re.findall(r"(?<![\w/.$])((?:core|plugins|conf|docs|tests|bench|examples|constraints|\.ci)/[\w./-]+\w)", text),
        *re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text),
    }
    places = (root, page.parent, root / "core" / "callsheet")
    examples = re.compile(r"conf/(?!callsheet_conf)\w+/\w+\.yaml$|.*ROOM")  # of a reader's own
    files = [name for name in sorted(named) if not examples.match(name)]
    assert [
        name for name in files if not any((at / each).exists() for at in places for each in (name, f"{name}.py"))
    ] == []
