"""Private names of other libraries: each is where Callsheet looks for it, and one room alone knows it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

import callsheet.privates
from callsheet.privates.library import Library, Private

ROOT = Path(__file__).parents[2]
ROOM = Path(callsheet.privates.__path__[0])
LIBRARIES = sorted(module.name for module in iter_modules([str(ROOM)]) if module.name != "library")
FILES = [path for folder in ("core", "plugins") for path in (ROOT / folder).rglob("*.py") if ROOM not in path.parents]
PUBLIC = {"_exit", "_current_frames"}  # those of os and sys are documented
# Of pluggy, which documents that it forms these names; of Trainer's metrics; and of our own.
WORDS = {
    "_spec",
    "_impl",
    "_runtime",
    "_second",
    "_per_second",
    "_timing",
    "_callsheet_name",
    "_callsheet_init",
    "_loss",
}
OWN = {"self", "cls", "super()"}  # a method that overrides a private one calls that by super()
ASKING = {"getattr", "setattr", "hasattr", "delattr"}


def library(name: str) -> Library:
    found = import_module(f"callsheet.privates.{name}").LIBRARY
    assert isinstance(found, Library)
    return found


@pytest.mark.parametrize("name", LIBRARIES)
def test_the_installed_version_has_every_private_name_that_callsheet_uses(name: str) -> None:
    assert library(name).problems() == []


def of_pluggy(*names: Private) -> Library:
    return Library("pluggy", "1.0", "https://example.org/pluggy", names)


def test_a_name_that_a_release_has_moved_is_reported_in_a_sentence_with_its_link() -> None:
    [said] = of_pluggy(Private("PluginManager._gone", "pluggy/_manager.py", 7, "counts hooks")).problems()

    assert said.startswith("pluggy 1.") and "has no PluginManager._gone in pluggy/_manager.py any more." in said
    assert "Callsheet counts hooks with it: see https://example.org/pluggy/pluggy/_manager.py#L7" in said


def test_a_file_that_a_release_has_moved_is_reported() -> None:
    [said] = of_pluggy(Private("_gone", "pluggy/_nowhere.py", 1, "counts hooks")).problems()

    assert "has no pluggy/_nowhere.py any more, where _gone was" in said


def test_arguments_that_a_release_has_changed_are_reported() -> None:
    method = Private("PluginManager.register", "pluggy/_manager.py", 1, "counts hooks", takes=("plugin", "title"))

    [said] = of_pluggy(method).problems()

    assert "has other arguments for PluginManager.register: plugin, name in place of plugin, title" in said


def test_a_name_is_looked_for_in_its_own_class() -> None:
    assert of_pluggy(Private("PluginManager.register", "pluggy/_manager.py", 1, "counts hooks")).problems() == []
    assert of_pluggy(Private("PluginValidationError.register", "pluggy/_manager.py", 1, "counts hooks")).problems()


def test_a_library_that_is_not_installed_is_passed_over() -> None:
    absent = Library("no-such-distribution", "1", "https://example.org", (Private("_x", "no_such/x.py", 1, "x"),))

    assert absent.problems() == []


def registered() -> set[str]:
    return {private.name.rpartition(".")[2] for name in LIBRARIES for private in library(name).names}


def private_names(source: str) -> Iterator[tuple[int, str]]:
    """The names with an underscore in front that `source` reads from what is not its own."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) not in OWN:
            names = [node.attr]
        elif isinstance(node, ast.ImportFrom) and not (node.module or "").startswith("callsheet"):
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ASKING:
            names = [str(item.value) for item in node.args if isinstance(item, ast.Constant)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("_"):
            names = [node.value]
        else:
            continue
        yield from ((node.lineno, name) for name in names if is_private(name))


def is_private(name: str) -> bool:
    return (
        name.startswith("_")
        and name.strip("_") != ""
        and not name.startswith("__")
        and not name.endswith("_")  # words of Hydra's, such as _self_
        and name.isidentifier()
        and (name not in PUBLIC | WORDS)
    )


def overridden(source: str) -> Iterator[tuple[int, str]]:
    """The private methods that `source` overrides: it calls those of the same name by `super()`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "super()" and is_private(node.attr):
            yield node.lineno, node.attr


def test_every_private_method_that_is_overridden_is_listed() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in FILES
        for line, name in overridden(path.read_text(encoding="utf-8"))
        if name not in registered()
    ]

    assert found == [], "list it in callsheet.privates, with the version it was read in"


def test_no_module_but_those_of_the_room_names_a_private_of_another_library() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in FILES
        for line, name in private_names(path.read_text(encoding="utf-8"))
    ]

    assert found == [], "name it in callsheet.privates, with the version it was read in"


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_module_of_the_room_lists_every_private_name_that_it_uses(name: str) -> None:
    used = {found for _, found in private_names((ROOM / f"{name}.py").read_text(encoding="utf-8"))}
    parts = {part for private in library(name).names for part in private.file.removesuffix(".py").split("/")}

    assert used <= registered() | parts


@pytest.mark.parametrize("name", LIBRARIES)
def test_every_name_says_what_for_and_links_to_the_version_it_was_read_in(name: str) -> None:
    for private in library(name).names:
        assert library(name).read_in in library(name).link(private) and private.line and private.why


@pytest.mark.parametrize(
    "source",
    ["model._private", "from lib._inner import x", "hasattr(model, '_private')", "vars(model).pop('_private')"],
)
def test_a_private_name_is_found_however_it_is_reached(source: str) -> None:
    assert list(private_names(source))


def test_names_of_ones_own_are_left_alone() -> None:
    assert not list(private_names("self._mine\nfrom callsheet.x import _y\nos._exit(1)\nx.__dict__"))
