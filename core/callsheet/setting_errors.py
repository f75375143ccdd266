"""Settings that a plugin declares wrongly: which one, why, in which file, and what to write."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import MISSING, Field, field, fields, is_dataclass, make_dataclass
from typing import Any

from callsheet.introspect.importing import declaration
from callsheet.settings import problem_with

# What a default of each type is, and an example.
SIMPLE = {"int": ("a whole number", "3"), "float": ("a number", "0.5"), "bool": ("True or False", "False")}
TYPES = "Settings have the types int, float, bool, str, Path and Enum, lists and dicts of them, and `| None`."


def refusal(plugin: type, error: Exception) -> str:
    """Why OmegaConf, which raised `error`, takes no settings from `plugin`: the setting that it refuses alone, too."""
    found = next(_refused(plugin), "")
    return found or f"has a setting that cannot be used: {str(error).strip().splitlines()[0].rstrip('.')}."


def wrong_default(plugin: type) -> str:
    """The first setting whose default its own range or choices refuse, in a sentence; empty if there is none."""
    for each in fields(plugin):
        default = _default(each)
        if is_dataclass(default) and not isinstance(default, type):
            if said := wrong_default(type(default)):
                return said
        elif default not in (MISSING, "???") and not callable(each.metadata.get("choices")):
            try:
                problem = problem_with(each, default)
            except TypeError:
                problem = f"cannot be compared with its range, got {default!r}."
            if problem:
                return f"the default of its setting {each.name!r} {problem}{_place(plugin, each.name)}"
    return ""


def _refused(plugin: type, above: str = "") -> Iterator[str]:
    from omegaconf import OmegaConf

    for each in fields(plugin):
        default = _default(each)
        if is_dataclass(default) and not isinstance(default, type):
            yield from _refused(type(default), f"{above}{each.name}.")
        given: dict[str, Any] = {"default": each.default, "default_factory": each.default_factory}
        given = {key: value for key, value in given.items() if value is not MISSING}
        alone = make_dataclass("Alone", [(each.name, each.type, field(**given))], namespace=_home(plugin, each.name))
        try:
            OmegaConf.structured(alone)
        except Exception as error:  # NameError for a type that is not there, AssertionError for an odd one
            yield f"its setting {above + each.name!r} {_why(plugin, each, default, error)}{_place(plugin, each.name)}"


def _why(plugin: type, each: Field[Any], default: Any, error: Exception) -> str:
    written = declaration(plugin, each.name)
    kind = written.annotation if written else str(each.type)
    if isinstance(error, NameError):
        missing = re.search(r"name '(\w+)'", str(error))
        gone = f"has the type {kind}, and {missing[1] if missing else kind} is not there when the program runs"
        return f"{gone}. Import it, and not under TYPE_CHECKING."
    if literal := re.search(r"Literal\[(.*?)\]", kind):
        right = _with_choices(each.name, kind, literal[1], default)
        return f"has the type {kind}, which OmegaConf does not have. {right}"
    if "annotation" in str(error):
        return f"has the type {kind}, which OmegaConf does not have. {TYPES}"
    if default is None:
        return f"has the type {kind}, and is None by default. Write `{each.name}: {kind} | None = setting(None)`."
    return f"has the type {kind}, and the default {default!r} is none. {_right(each.name, kind, default, error)}"


def _right(name: str, kind: str, default: Any, error: Exception) -> str:
    """A default that fits, and a type that does."""
    if members := re.search(r"expected one of \[(.*)\]", str(error)):
        return f"Write one of {', '.join(f'{kind}.{member}' for member in members[1].split(', '))}."
    simple = re.search(r"\b(int|float|bool)\b", kind)
    what, example = SIMPLE[simple[1]] if simple and "[" not in kind.removeprefix("Optional[") else ("", "")
    right = f"a default that is {what}, as in `{name}: {kind} = setting({example})`" if what else "a default that is"
    if isinstance(default, (int, float, str)):
        other = f"{name}: {type(default).__name__} = setting({default!r})"
        return f"Write {right}; or the type of the default, as in `{other}`."
    return f"Write {right}."


def _with_choices(name: str, kind: str, listed: str, default: Any) -> str:
    try:
        choices = ast.literal_eval(f"({listed},)")
    except (ValueError, SyntaxError):
        choices = ()
    if not choices or not all(isinstance(choice, str) for choice in choices):
        return "Write a str with choices, or an Enum."
    optional = " | None" if "None" in kind or "Optional" in kind else ""
    first = "" if default in (MISSING, "???") else f"{default!r}, "
    return f"Write `{name}: str{optional} = setting({first}choices={choices!r})`."


def _default(each: Field[Any]) -> Any:
    return each.default if each.default_factory is MISSING else each.default_factory()


def _home(plugin: type, name: str) -> dict[str, Any]:
    """The module in which the type of setting `name` is looked up."""
    owner = next((owner for owner in plugin.__mro__ if name in vars(owner).get("__annotations__", {})), plugin)
    return {"__module__": owner.__module__}


def _place(plugin: type, name: str) -> str:
    return f" ({written})" if (written := declaration(plugin, name)) else ""
