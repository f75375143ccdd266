"""What `callsheet check` would refuse about a plugin, found in its compiled class without importing it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from types import CodeType
from typing import Any

from callsheet.deprecations import RENAMED
from callsheet.errors import CallsheetError
from callsheet.introspect.ancestry import CompiledClass, find_compiled
from callsheet.introspect.compiled import CompiledModule, look
from callsheet.plugins.contract import Method, problem_with_ranks, problems_with

# What OmegaConf 2.3 refuses as the type of a setting.
REFUSED = re.compile(
    r"\b(Literal|[Ss]et|[Ff]rozen[Ss]et|Sequence|Iterable|(?:Mutable)?Mapping|Callable|datetime|timedelta|Decimal"
    r"|Pattern|complex|object|type)\b(?![.])"
)
FIELD = re.compile(r"(\s+)(\w+)\s*:\s*([^=#]+?)\s*(?:=\s*([^#]*))?(?:#.*)?$")
UNTYPED = re.compile(r"\s+(\w+)\s*=\s*(?:\w+\.)?setting\(")
ONLY_FOR_TYPES = re.compile(r"\nif (?:\w+\.)?TYPE_CHECKING:.*\n((?:[ \t]+.*\n|\n)+)")
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
    return {spec.co_name: [*spec.co_varnames[1 : spec.co_argcount]] for spec in specs}


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
    return Method(function.co_name, is_marked, arguments, function.co_varnames[count : count + flags],
                  _defaults(found, function))  # fmt: skip


def _defaults(found: CompiledClass, function: CodeType) -> list[str]:
    """Those of its arguments that have a default, which only the text of the `def` tells."""
    lines = found.module.lines[function.co_firstlineno :][:40]
    header = re.search(r"(def\b.*?\)\s*(?:->[^:]+)?):", "\n".join(lines), re.DOTALL)
    if header is None or "=" not in header[1]:
        return []
    try:
        statement = ast.parse(f"{header[1]}: pass").body[0]
    except SyntaxError:
        return []
    assert isinstance(statement, ast.FunctionDef)
    given, known = statement.args, [*statement.args.posonlyargs, *statement.args.args]
    named = [argument.arg for argument in known[len(known) - len(given.defaults) :]]
    pairs = zip(given.kwonlyargs, given.kw_defaults, strict=True)
    return [*named, *(argument.arg for argument, default in pairs if default)]


def _wrong_settings(found: CompiledClass) -> Iterator[str]:
    numbers = sorted({line for _, _, line in found.body.co_lines() if line and line > found.body.co_firstlineno})
    indent = ""
    for line in (found.module.lines[number] for number in numbers if number < len(found.module.lines)):
        indent = indent or line[: len(line) - len(line.lstrip())]
        if not line.startswith(indent) or line[len(indent) : len(indent) + 1].isspace():
            continue
        if untyped := UNTYPED.match(line):
            yield f"its setting {untyped[1]!r} has no type, as in `{untyped[1]}: int = setting(…)`."
        elif (field := FIELD.match(line)) and "ClassVar" not in field[3] and "InitVar" not in field[3]:
            yield from _wrong_setting(found, field[2], field[3].strip("'\""), field[4] or "")


def _wrong_setting(found: CompiledClass, name: str, kind: str, default: str) -> Iterator[str]:
    if refused := REFUSED.search(kind):
        advice = "Use str with choices." if refused[1] == "Literal" else "OmegaConf does not take it."
        yield f"its setting {name!r} has the type {kind}. {advice}"
    elif (block := ONLY_FOR_TYPES.search(found.module.text)) and (
        hidden := [word for word in re.findall(r"\b[A-Za-z_]\w*\b", kind) if _imports(block[1], word)]
    ):
        yield f"its setting {name!r} has the type {hidden[0]!r}, which is imported under TYPE_CHECKING only."
    elif re.match(r"(\[|\{|(list|dict|set)\()", default):
        yield f"its setting {name!r} has a default that can be changed. Write setting({default.strip()})."
    elif re.match(r"(None|setting\(\s*None)\b", default) and not re.search(r"\b(None|Optional|Any)\b", kind):
        yield f"its setting {name!r} has the type {kind}, and is None by default. Write `{kind} | None`."


def _imports(block: str, word: str) -> bool:
    return bool(re.search(rf"\bimport\b[^\n]*\b{word}\b|^\s+{word},?\s*$", block, re.MULTILINE))
