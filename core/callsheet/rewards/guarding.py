"""Checks on what a reward function returns: one number for each completion, or an error that names the function."""

from __future__ import annotations

import functools
import inspect
import numbers
from collections.abc import Callable
from typing import Any

from callsheet.errors import CallsheetError, counted

WANTED = "one number, or None, for each completion"


def guarded(reward: Callable[..., Any], path: str) -> Callable[..., Any]:
    """Wrap `reward` so that its result is checked; it keeps its name, because TRL logs it by name."""
    call = inspect.unwrap(reward)
    is_async = inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(getattr(call, "__call__", None))  # noqa: B004

    def checked(**given: Any) -> Any:
        return check(reward(**given), len(given["completions"]), path)

    async def checked_later(**given: Any) -> Any:
        return check(await reward(**given), len(given["completions"]), path)

    wrapper = checked_later if is_async else checked
    wrapper.__name__ = wrapper.__qualname__ = _name(reward)
    wrapper.__doc__ = reward.__doc__
    return wrapper


def check(returned: Any, expected: int, path: str) -> list[float | None]:
    """Return `returned` as a list; raises `CallsheetError` unless it holds one number or None for each completion."""
    is_list = hasattr(returned, "__len__") and hasattr(returned, "__iter__")
    if not is_list or isinstance(returned, (str, bytes, dict)):
        raise CallsheetError(f"Reward {path} returned {_shown(returned)}; expected a list with {WANTED}.")
    values = returned.tolist() if hasattr(returned, "tolist") else list(returned)
    if len(values) != expected:
        raise CallsheetError(
            f"Reward {path} returned {counted(len(values), 'value')} for {counted(expected, 'completion')}; "
            f"expected {WANTED}."
        )
    for number, value in enumerate(values):
        if value is not None and not isinstance(value, numbers.Real) and not _is_scalar(value):
            raise CallsheetError(f"Reward {path} returned {_shown(value)} at place {number}; expected {WANTED}.")
    return values


def _is_scalar(value: Any) -> bool:
    """Whether `value` is a tensor or an array of one number."""
    return hasattr(value, "item") and getattr(value, "shape", None) == ()


def _name(reward: Any) -> str:
    while isinstance(reward, functools.partial):
        reward = reward.func
    return str(getattr(reward, "__name__", type(reward).__name__))


def _shown(value: Any) -> str:
    text = repr(value)
    return f"{text[:60]}{'…' if len(text) > 60 else ''} ({type(value).__name__})"
