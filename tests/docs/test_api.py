"""docs/api.md names what exists, as it is, and everything that the built-in plugins use of the core."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import callsheet

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
FOR_BUILT_INS = "callsheet.privates"
ALSO_AS = {"callsheet": "callsheet.records"}


@dataclass
class Named:
    """A name of the page: `text` is all that stands in its code, such as a signature."""

    module: str
    name: str
    text: str
    members: list[str] = field(default_factory=list)


def named() -> list[Named]:
    found: list[Named] = []
    module = ""
    for line in PAGE.splitlines():
        if heading := re.match(r"#+ `([\w.]+)`$", line):
            module = heading.group(1)
        elif line.startswith("#"):
            module = ""
        elif module and line.startswith("  - `."):
            found[-1].members += [text.removeprefix(".") for text in codes(line, r"  - ")]
        elif module and line.startswith("- `"):
            texts = [text.removeprefix("with ") for text in codes(line, "- ")]
            found += [Named(module, re.match(r"\w+", text).group(), text) for text in texts]  # type: ignore[union-attr]
    return found


def codes(line: str, bullet: str) -> list[str]:
    """The pieces of code at the start of an entry: `a`, `b`: what they are."""
    start = re.match(rf"{bullet}((`[^`]+`(, )?)+)", line)
    assert start, line
    return re.findall(r"`([^`]+)`", start.group(1))


NAMED = named()
BY_NAME = {f"{one.module}.{one.name}": one for one in NAMED}


def written(text: str) -> str:
    """A signature as Python itself would write it."""
    function = ast.parse(f"def {text}: ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    return signature(function)


def signature(function: ast.FunctionDef) -> str:
    function.args.args = [argument for argument in function.args.args if argument.arg not in ("self", "cls")]
    returned = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    return f"({ast.unparse(function.args)}){returned}"


def true(what: Any) -> str:
    """The signature of a function, or of what makes a class, as its source has it."""
    function = what.__init__ if inspect.isclass(what) else inspect.unwrap(what)
    node = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(node, ast.FunctionDef)
    found = signature(node)
    return found.removesuffix(" -> None") if inspect.isclass(what) else found


@pytest.mark.parametrize("name", BY_NAME)
def test_every_name_of_the_page_exists_with_the_signature_that_it_gives(name: str) -> None:
    one = BY_NAME[name]
    what = getattr(import_module(one.module), one.name)

    if "(" in one.text:
        is_context = f"`with {one.text}`" in PAGE
        assert written(one.text) == (true(what).partition(" -> ")[0] if is_context else true(what))
    for member in one.members:
        if "(" in member:
            assert written(member) == true(getattr(what, re.match(r"\w+", member).group()))  # type: ignore[union-attr]
        else:
            field_name, _, kind = member.partition(": ")
            assert what.__annotations__[field_name] == kind


def uses() -> Iterator[tuple[str, str]]:
    """What the built-ins import from the core: the file, and the name with its module."""
    for path in sorted((ROOT / "plugins").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "callsheet":
                for alias in node.names:
                    for name in used(tree, str(node.module), alias):
                        yield path.name, name


def used(tree: ast.AST, module: str, alias: ast.alias) -> list[str]:
    """The name that is imported, or where that is a module, those of it that the file reads."""
    full = f"{module}.{alias.name}"
    if not isinstance(getattr(import_module(module), alias.name, None), ModuleType) and not is_module(full):
        return [full]
    here = alias.asname or alias.name
    return [
        f"{full}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == here
        and not node.attr.startswith("__")
    ]


def is_module(name: str) -> bool:
    try:
        import_module(name)
    except ModuleNotFoundError:
        return False
    return True


def test_the_built_ins_use_nothing_of_the_core_that_the_page_does_not_name() -> None:
    known = {*BY_NAME, *(f"{other}.{one.name}" for one in NAMED if (other := ALSO_AS.get(one.module)))}

    assert [use for use in uses() if use[1] not in known and not use[1].startswith(FOR_BUILT_INS)] == []


def test_the_page_names_all_that_import_callsheet_offers() -> None:
    assert {one.name for one in NAMED if one.module == "callsheet"} == {*dir(callsheet)}


@pytest.mark.parametrize("room", ["callsheet.sharding", "callsheet.outbox", "callsheet.loop"])
def test_the_page_names_all_that_a_room_offers(room: str) -> None:
    assert {one.name for one in NAMED if one.module == room} == {*import_module(room).__all__}


def test_no_module_of_the_page_imports_torch() -> None:
    modules = sorted({one.module for one in NAMED})
    code = f"import sys, importlib\nfor name in {modules}: importlib.import_module(name)\n"
    heavy = "print(*[name for name in ('torch', 'transformers', 'trl', 'datasets') if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code + heavy], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""


def test_contributing_points_to_the_page() -> None:
    section = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## What you may rely on")[1]

    assert "[docs/api.md](docs/api.md)" in section.split("\n## ")[0]
