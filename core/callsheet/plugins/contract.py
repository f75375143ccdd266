"""What a method of a plugin must look like, whether its class was imported or only read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from callsheet.errors import did_you_mean

RANKS = ("main", "all")


@dataclass(frozen=True)
class Method:
    """One method; `is_marked` with `@hookimpl`, None where that cannot be told.

    `stars` are its `*args` and `**kwargs`.
    """

    name: str
    is_marked: bool | None
    arguments: Sequence[str]
    stars: Sequence[str] = ()


def problem_with_ranks(ranks: object) -> str:
    return "" if ranks in RANKS else f'ranks must be "main" or "all", got {ranks!r}.'


def problem_with_init(settings: Mapping[str, str], takes_any: bool, fields: Collection[str]) -> str:
    """What is wrong with an `__init__` of a plugin's own; `settings` maps its arguments to how a field declares each.

    One that takes every field, and `on_error` among them, is as good as none.
    """
    ours = [written for name, written in settings.items() if name not in fields]
    if not ours and (takes_any or settings.keys() >= {*fields}):
        return ""
    example = f" Write {' and '.join(f'`{written}`' for written in ours[:3])} in the class." if ours else ""
    return (
        f"it defines __init__, but settings are fields, and Callsheet makes a plugin from its fields.{example} "
        "What else __init__ does belongs into __post_init__, which calls super().__post_init__() first."
    )


def problems_with(method: Method, hooks: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """What is wrong with `method`, as ends of sentences; `hooks` maps each hook to the arguments it offers."""
    name = method.name
    if name in hooks and method.is_marked is False:
        yield f"it defines {name} without @hookimpl, so it would never be called."
    elif name in hooks:
        yield from _wrong_arguments(method, hooks[name])
    elif method.is_marked or (name.startswith("on_") and _resembles(name, hooks)):
        yield f"there is no hook {name!r}.{did_you_mean(name, hooks)} Hooks: {', '.join(hooks)}."


def _resembles(name: str, hooks: Mapping[str, Sequence[str]]) -> bool:
    from difflib import get_close_matches

    return bool(get_close_matches(name, hooks, n=1, cutoff=0.8))


def _wrong_arguments(method: Method, offered: Sequence[str]) -> Iterator[str]:
    for star in method.stars:
        yield f"{method.name} takes *{star}; name the arguments it needs: {', '.join(offered)}."
    for argument in method.arguments:
        if argument not in offered:
            near = did_you_mean(argument, offered)
            yield f"{method.name} has no argument {argument!r}.{near} It offers: {', '.join(offered)}."
