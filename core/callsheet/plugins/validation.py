"""A plugin class against the contract, before it is called: forgotten markers, misspelled hooks, wrong arguments."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Hashable, Iterator
from difflib import get_close_matches
from functools import cache
from types import CodeType
from typing import Any, cast

from callsheet import records
from callsheet.errors import CallsheetError
from callsheet.hooks import PROJECT, Plugin, hook_names
from callsheet.introspect.attributes import attributes_read
from callsheet.plugins.contract import Method, problem_with_init, problem_with_ranks, problems_with

# The records that hooks are given, by the name of the argument.
ARGUMENTS = {
    **{"ctx": "LogContext", "state": "LoopState", "row": "ManifestRow", "report": "PreflightReport"},
    **{"artifacts": "LoopArtifacts", "revision": "Revision", "rollouts": "Rollouts", "eval_result": "EvalResult"},
    **{"run_result": "RunResult", "arm": "ArmResult", "result": "ExperimentResult"},
}
NEAR = 0.75  # plugins may leave attributes of their own on a record; what is nearly a field's name is none of those
STARS = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def validate(name: str, plugin: Plugin, origin: str) -> None:
    """Raise a `CallsheetError` for the first thing about `plugin` that would go wrong, or pass in silence, later."""
    validate_class(name, type(plugin), origin)


def validate_class(name: str, plugin: type[Plugin], origin: str) -> None:
    """The same for its class, before one is made."""
    for problem in _problems_of(cast("Hashable", plugin)):  # as every class is; mypy asks its instances
        raise CallsheetError(f"Plugin {name!r} from {origin}: {problem}")


def init_problem(plugin: type[Plugin]) -> str:
    """What is wrong with an `__init__` that the class, or one below `Plugin` that it inherits from, defines itself."""
    known = [field.name for field in dataclasses.fields(plugin)]
    for base in plugin.__mro__:
        if (own := vars(base).get("_callsheet_init")) is None:
            continue
        parameters = [*inspect.signature(own).parameters.values()][1:]
        takes_any = any(each.kind is each.VAR_KEYWORD for each in parameters)
        named = {each.name: _as_field(each) for each in parameters if each.kind not in STARS}
        if problem := problem_with_init(named, takes_any, known):
            return problem
    return ""


def _as_field(parameter: inspect.Parameter) -> str:
    """
    >>> _as_field(inspect.Parameter("freq", inspect.Parameter.KEYWORD_ONLY, default=10))
    'freq: int = setting(10)'
    """
    has_default, default = parameter.default is not parameter.empty, parameter.default
    annotation = parameter.annotation
    if annotation is parameter.empty:
        annotation = type(default) if has_default and default is not None else "str"
    kind = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return f"{parameter.name}: {kind} = setting({repr(default) if has_default else ''})"


def marked(plugin: Plugin) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The hooks that `plugin` implements, bound, in the order of the contract."""
    for hook in hook_names():
        if hasattr(getattr(type(plugin), hook), f"{PROJECT}_impl"):
            yield hook, getattr(plugin, hook)


@cache
def _problems_of(plugin: Any) -> tuple[str, ...]:
    return tuple(_problems(plugin))


def _problems(plugin: type[Plugin]) -> Iterator[str]:
    if problem := init_problem(plugin):
        yield problem
    if problem := problem_with_ranks(plugin.ranks):
        yield problem
    hooks = {hook: [*inspect.signature(getattr(Plugin, hook)).parameters][1:] for hook in hook_names()}
    for name, function in _own_functions(plugin):
        yield from problems_with(_method(name, function), hooks)
        if name in hooks:
            yield from _misread(name, inspect.unwrap(function).__code__)


def _misread(hook: str, code: CodeType) -> Iterator[str]:
    """Fields of records that do not exist, where one of nearly that name does."""
    for argument, attribute in attributes_read(code):
        record = ARGUMENTS.get(argument, "")
        if record and attribute not in _fields(record):
            for near in get_close_matches(attribute, _fields(record), 1, NEAR):
                yield f"{hook} reads {argument}.{attribute}, which {record} does not have. Did you mean {near!r}?"


@cache
def _fields(record: str) -> frozenset[str]:
    kind = getattr(records, record)
    return frozenset({*dir(kind), *inspect.get_annotations(kind)})


def _own_functions(plugin: type[Plugin]) -> Iterator[tuple[str, Any]]:
    """Functions of the class and of its bases below `Plugin`, as the class sees them."""
    seen = set()
    for base in plugin.__mro__:
        if base in (Plugin, object):
            continue
        for name, function in vars(base).items():
            if name not in seen and inspect.isfunction(function):
                seen.add(name)
                yield name, function


def _method(name: str, function: Any) -> Method:
    parameters = [*inspect.signature(function).parameters.values()][1:]
    stars = [each.name for each in parameters if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
    arguments = [each.name for each in parameters if each.name not in stars]
    return Method(name, hasattr(function, f"{PROJECT}_impl"), arguments, stars)
