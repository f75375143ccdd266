"""The settings of a plugin: each field declares its default, range and help in one place."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

from callsheet.errors import CallsheetError, OutOfRange, did_you_mean
from callsheet.introspect.importing import declaration

REQUIRED: Any = dataclasses.MISSING
BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


def setting(
    default: Any = REQUIRED,
    *,
    help: str = "",
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    choices: Sequence[str] | Callable[[], Sequence[str]] | None = None,
) -> Any:
    """Declare a field of a `Plugin`; the user must set a field that has no default.

    Bounds and choices are checked before anything is loaded. The manual is written from them. If the choices depend on
    the installed packages, pass a function that returns them.

    >>> class Bema(Plugin):
    ...     update_freq: int = setting(400, ge=1, help="Update every this many steps; φ in the paper.")
    """
    bounds = {key: bound for key, bound in (("ge", ge), ("gt", gt), ("le", le), ("lt", lt)) if bound is not None}
    known = choices if callable(choices) else tuple(choices) if choices else None
    metadata = {"help": help, "bounds": bounds, "choices": known}
    if isinstance(default, (list, dict)):
        return dataclasses.field(default_factory=lambda: deepcopy(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def check_settings(settings: Any, where: str) -> None:
    """Raise one `OutOfRange` for the fields of the dataclass `settings` that are out of range, a line for each."""
    values = ((field, getattr(settings, field.name)) for field in dataclasses.fields(settings))
    if wrong := [f"{where}.{field.name} {said}" for field, value in values if (said := problem_with(field, value))]:
        raise OutOfRange("\n".join(wrong))


def refuse_fields(owner: type) -> None:
    """Raise `CallsheetError` for what the class `owner` declares and cannot be a setting, with what to write.

    A `dataclass` refuses the same in words of its own.
    """
    typed = inspect.get_annotations(owner)
    for name, value in vars(owner).items():
        default = value.default if isinstance(value, dataclasses.Field) else value
        untyped = isinstance(value, dataclasses.Field) and name not in typed
        shared = name in typed and "ClassVar" not in str(typed[name]) and type(default).__hash__ is None
        if untyped or shared:
            place = declaration(owner, name)
            written = place.default if place else "…"
            said = _typed(name, default, written) if untyped else _unshared(name, typed[name], default)
            raise CallsheetError(f"Its setting {name!r} {said}.{f' ({place})' if place else ''}")


def _typed(name: str, default: Any, written: str) -> str:
    kind = "str" if default is REQUIRED else type(default).__name__
    return f"has no type. Write `{name}: {kind} = {written}`"


def _unshared(name: str, kind: Any, default: Any) -> str:
    written = kind if isinstance(kind, str) else inspect.formatannotation(kind)
    right = f"Write `{name}: {written} = dataclasses.field(default_factory={type(default).__name__})`"
    if isinstance(default, (list, dict)):
        right = f"Write `{name}: {written} = setting({default!r})`"
    elif isinstance(default, (set, bytearray)):
        right = f"Write a list, as in `{name}: list[str] = setting([])`: OmegaConf has no {type(default).__name__}"
    return f"has a default that can be changed. {right}"


def range_of(field: dataclasses.Field[Any]) -> str:
    """The allowed values of `field` in words, or an empty string.

    >>> range_of(setting(400, ge=1))
    'at least 1'
    """
    if choices := choices_of(field):
        return f"one of {', '.join(choices)}"
    return " and ".join(f"{BOUNDS[key]} {bound}" for key, bound in field.metadata.get("bounds", {}).items())


def problem_with(field: dataclasses.Field[Any], value: Any) -> str:
    """What is wrong with `value` for `field`, as the end of a sentence; empty for a good one."""
    choices = choices_of(field)
    if value is None:
        return ""
    if choices and value not in choices:
        return f"must be {range_of(field)}, got {value!r}.{did_you_mean(str(value), choices)}"
    if not all(_holds(key, bound, value) for key, bound in field.metadata.get("bounds", {}).items()):
        return f"must be {range_of(field)}, got {value!r}."
    return ""


def choices_of(field: dataclasses.Field[Any]) -> Sequence[str] | None:
    """The values that `field` takes, if they are listed."""
    choices: Sequence[str] | Callable[[], Sequence[str]] | None = field.metadata.get("choices")
    return choices() if callable(choices) else choices


def _holds(key: str, bound: float, value: float) -> bool:
    """Whether `value` respects one bound; NaN respects no bound."""
    return bool({"ge": value >= bound, "gt": value > bound, "le": value <= bound, "lt": value < bound}[key])
