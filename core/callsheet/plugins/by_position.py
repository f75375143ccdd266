"""Functions that take by position what a method takes by name: pluggy passes no argument that has a default."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


def by_position(call: Callable[..., Any], names: Sequence[str], *, is_wrapper: bool = False) -> Callable[..., Any]:
    """A function with the arguments `names`, all positional, that calls `call` with them by name.

    pluggy reads the arguments of a function from its code, and leaves out those by name alone and those with a default
    (pluggy 1.6 and 1.7, `varnames`), so the code is made here. `names` are identifiers: a hook offers them. A wrapper
    is a generator, as its `call` is.
    """
    passed = f"call({', '.join(f'{name}={name}' for name in names)})"
    scope: dict[str, Any] = {"call": call}
    exec(f"def made({', '.join(names)}): return {f'(yield from {passed})' if is_wrapper else passed}", scope)
    made: Callable[..., Any] = scope["made"]
    return made
