"""What `callsheet check` would refuse about a plugin, found in its compiled class without importing it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from types import CodeType
from typing import Any

from callsheet.deprecations import RENAMED
from callsheet.errors import CallsheetError
from callsheet.introspect.ancestry import CompiledClass, find_compiled
from callsheet.introspect.compiled import CompiledModule, look
from callsheet.plugins.contract import Method, problem_with_init, problem_with_ranks, problems_with

# What OmegaConf 2.3 refuses as the type of a setting.
REFUSED = {
    *("Literal", "set", "Set", "frozenset", "FrozenSet", "Sequence", "Iterable", "Mapping", "MutableMapping"),
    *("Callable", "timedelta", "Decimal", "Pattern", "complex", "object", "type"),
}
FIELD = re.compile(r"(\w+)\s*:\s*([^=#]+)(?:=\s*([^#]*))?")
ONLY_FOR_TYPES = r"\nif (?:\w+\.)?TYPE_CHECKING:.*\n((?:[ \t]+.*\n|\n)+)"
IMPORTED = re.compile(r"\bimport\b([^\n#]*)|^\s+(\w+),?\s*$", re.MULTILINE)
VARARGS, VARKEYWORDS = 0x4, 0x8  # flags of a function's code: inspect.CO_VARARGS and CO_VARKEYWORDS


def problems(found: CompiledClass, distribution: str) -> Iterator[str]:
    """What is wrong with the class itself, as ends of sentences; its ancestors are asked in turn."""
    if "requires_api" in found.body.co_names:
        yield from _wrong_api(constant(found.body, "requires_api"), distribution)
    if "ranks" in found.body.co_names and isinstance(ranks := constant(found.body, "ranks"), str):
        yield problem_with_ranks(ranks)
    for function in found.functions:
        if function.co_argcount and (function.co_name in hooks() or function.co_name.startswith("on_")
                                     or "hookimpl" in found.decorators(function)):  # fmt: skip
            yield from problems_with(_method(found, function), hooks())
    yield from _wrong_settings(found)


def init_problem(found: CompiledClass) -> str:
    """What is wrong with an `__init__` of the class's own, as far as its own fields tell."""
    function = next((each for each in found.functions if each.co_name == "__init__"), None)
    if function is None:
        return ""
    names = function.co_varnames[1 : function.co_argcount + function.co_kwonlyargcount]
    fields = {"on_error", *(field[1] for line in found.module.lines if (field := FIELD.match(line.strip())))}
    takes_any = bool(function.co_flags & VARKEYWORDS)
    return problem_with_init({name: f"{name}: TYPE = setting(DEFAULT)" for name in names}, takes_any, fields)


def wrong_imports(module: CompiledModule) -> Iterator[str]:
    """What it imports from Callsheet, and this Callsheet does not have: it was written for another one."""
    for source, name in module.imports.values():
        if source.partition(".")[0] == "callsheet" and (missing := _missing_here(source, name)):
            yield f"Needs {missing}, which this callsheet does not have."


@cache
def _missing_here(source: str, name: str) -> str:
    if source == "callsheet":
        import callsheet

        known = name in callsheet.__all__ or f"callsheet.{name}" in RENAMED
        return "" if known or not name or _is_module(f"callsheet.{name}") else f"callsheet.{name}"
    if not _is_module(source):
        return source
    found = look(source)
    known = not name or name in found.code.co_names or found.body(name) is not None or found.may_define(name)
    return "" if known or _is_module(f"{source}.{name}") else f"{source}.{name}"


def _is_module(name: str) -> bool:
    try:
        return bool(look(name))
    except CallsheetError:
        return False


@cache
def hooks() -> dict[str, list[str]]:
    """Every hook with the arguments it offers, in the order of the contract, whose module imports pluggy."""
    contract = find_compiled("callsheet.hooks", "Plugin")
    assert contract is not None
    specs = [each for each in contract.functions if "hookspec" in contract.decorators(each)]
    return {spec.co_name: [*spec.co_varnames[1 : spec.co_argcount + spec.co_kwonlyargcount]] for spec in specs}


def constant(body: CodeType, name: str) -> Any:
    """The constant that a class body gives `name`; None where it is computed."""
    import dis

    before = None
    for step in dis.get_instructions(body):
        if step.opname == "STORE_NAME" and step.argval == name and before and before.opname == "LOAD_CONST":
            return before.argval
        before = step
    return None


def _wrong_api(requires_api: object, distribution: str) -> Iterator[str]:
    from callsheet.plugins.registry import api_problem

    if isinstance(requires_api, str) and (problem := api_problem(requires_api, distribution)):
        yield f"it {problem}"


def _method(found: CompiledClass, function: CodeType) -> Method:
    decorators = found.decorators(function)
    is_marked = "hookimpl" in decorators or (None if decorators else False)
    count = function.co_argcount + function.co_kwonlyargcount
    arguments = function.co_varnames[1:count]
    flags = bool(function.co_flags & VARARGS) + bool(function.co_flags & VARKEYWORDS)
    return Method(function.co_name, is_marked, arguments, function.co_varnames[count : count + flags])


def _wrong_settings(found: CompiledClass) -> Iterator[str]:
    lines, first = found.module.lines, found.body.co_firstlineno
    numbers = sorted({number for _, _, number in found.body.co_lines() if number and first < number < len(lines)})
    indent = ""
    for line in map(lines.__getitem__, numbers):
        indent = indent or line[: len(line) - len(line.lstrip())]
        said = line[len(indent) :]
        if not line.startswith(indent) or not said[:1].isidentifier():
            continue
        name, assigns, value = said.partition("=")
        if assigns and ":" not in name and value.strip().startswith(("setting(", "callsheet.setting(")):
            yield f"its setting {name.strip()!r} has no type, as in `{name.strip()}: int = setting(…)`."
        elif (field := FIELD.match(said)) and "ClassVar" not in field[2] and "InitVar" not in field[2]:
            yield from _wrong_setting(found, field[1], field[2].strip().strip("'\""), (field[3] or "").strip())


def _wrong_setting(found: CompiledClass, name: str, kind: str, default: str) -> Iterator[str]:
    words = re.findall(r"\w+", kind)
    if refused := [word for word in words if word in REFUSED]:
        advice = "Use str with choices." if refused[0] == "Literal" else "OmegaConf does not take it."
        yield f"its setting {name!r} has the type {kind}. {advice}"
    elif hidden := _only_for_types(found, words):
        yield f"its setting {name!r} has the type {hidden[0]!r}, which is imported under TYPE_CHECKING only."
    elif default.startswith(("[", "{", "list(", "dict(", "set(")):
        yield f"its setting {name!r} has a default that can be changed. Write setting({default})."
    elif default.startswith(("None", "setting(None")) and not {"None", "Optional", "Any"} & {*words}:
        yield f"its setting {name!r} has the type {kind}, and is None by default. Write `{kind} | None`."


def _only_for_types(found: CompiledClass, words: list[str]) -> list[str]:
    if "TYPE_CHECKING" not in found.module.code.co_names or not (block := re.search(ONLY_FOR_TYPES, found.module.text)):
        return []
    imported = {word for names in IMPORTED.findall(block[1]) for word in re.findall(r"\w+", " ".join(names))}
    return [word for word in words if word in imported]
