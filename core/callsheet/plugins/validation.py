"""A plugin class against the contract, before it is called: forgotten markers, misspelled hooks, wrong arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import Any

from callsheet.errors import CallsheetError, did_you_mean
from callsheet.hooks import PROJECT, Plugin, hook_names


def validate(name: str, plugin: Plugin, origin: str) -> None:
    """Raise a `CallsheetError` for the first thing about `plugin` that would go wrong, or pass in silence, later."""
    for problem in _problems(type(plugin)):
        raise CallsheetError(f"Plugin {name!r} from {origin}: {problem}")


def marked(plugin: Plugin) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The hooks that `plugin` implements, bound, in the order of the contract."""
    for hook in hook_names():
        if hasattr(getattr(type(plugin), hook), f"{PROJECT}_impl"):
            yield hook, getattr(plugin, hook)


def _problems(plugin: type[Plugin]) -> Iterator[str]:
    if plugin.ranks not in ("main", "all"):
        yield f'ranks must be "main" or "all", got {plugin.ranks!r}.'
    hooks = hook_names()
    for method, function in _own_functions(plugin):
        is_marked = hasattr(function, f"{PROJECT}_impl")
        if method in hooks and not is_marked:
            yield f"it defines {method} without @hookimpl, so it would never be called."
        elif method in hooks:
            yield from _wrong_arguments(method, function)
        elif is_marked or (method.startswith("on_") and get_close_matches(method, hooks, n=1, cutoff=0.8)):
            yield f"there is no hook {method!r}.{did_you_mean(method, hooks)} Hooks: {', '.join(hooks)}."


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


def _wrong_arguments(hook: str, function: Callable[..., Any]) -> Iterator[str]:
    offered = list(inspect.signature(getattr(Plugin, hook)).parameters)
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            yield f"{hook} takes *{parameter.name}; name the arguments it needs: {', '.join(offered[1:])}."
        elif parameter.name not in offered:
            near = did_you_mean(parameter.name, offered[1:])
            yield f"{hook} has no argument {parameter.name!r}.{near} It offers: {', '.join(offered[1:])}."
        elif parameter.default is not parameter.empty:
            yield f"{hook} gives {parameter.name!r} a default, and pluggy never fills such an argument; remove it."
