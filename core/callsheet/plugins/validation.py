"""A plugin class against the contract, before it is called: forgotten markers, misspelled hooks, wrong arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from callsheet.errors import CallsheetError
from callsheet.hooks import PROJECT, Plugin, hook_names
from callsheet.plugins.contract import Method, problem_with_ranks, problems_with


def validate(name: str, plugin: Plugin, origin: str) -> None:
    """Raise a `CallsheetError` for the first thing about `plugin` that would go wrong, or pass in silence, later."""
    validate_class(name, type(plugin), origin)


def validate_class(name: str, plugin: type[Plugin], origin: str) -> None:
    """The same for its class, before one is made."""
    for problem in _problems(plugin):
        raise CallsheetError(f"Plugin {name!r} from {origin}: {problem}")


def marked(plugin: Plugin) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The hooks that `plugin` implements, bound, in the order of the contract."""
    for hook in hook_names():
        if hasattr(getattr(type(plugin), hook), f"{PROJECT}_impl"):
            yield hook, getattr(plugin, hook)


def _problems(plugin: type[Plugin]) -> Iterator[str]:
    if problem := problem_with_ranks(plugin.ranks):
        yield problem
    hooks = {hook: [*inspect.signature(getattr(Plugin, hook)).parameters][1:] for hook in hook_names()}
    for name, function in _own_functions(plugin):
        yield from problems_with(_method(name, function), hooks)


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
    defaults = [each.name for each in parameters if each.default is not each.empty]
    return Method(name, hasattr(function, f"{PROJECT}_impl"), arguments, stars, defaults)
