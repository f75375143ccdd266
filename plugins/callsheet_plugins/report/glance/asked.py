"""Which runs are asked for, and in which order: `--where` and `--sort`."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from callsheet.disk.standing import short
from callsheet.errors import CallsheetError, counted, listed
from callsheet.screen import quoted
from callsheet_plugins.report.glance.columns import Column
from callsheet_plugins.report.glance.finding import Columns
from callsheet_plugins.report.glance.look import Glance
from callsheet_plugins.report.glance.words import as_number
from callsheet_plugins.report.reading.discover import natural

CONDITION = re.compile(r"\s*([^=<>!~]+?)\s*(==|!=|<=|>=|!~|=|<|>|~)\s*(.*?)\s*", re.S)
Holds = Callable[[Any, Any], bool]
ORDERED: dict[str, Holds] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
UNITS = {
    "": {"": 1.0, "%": 0.01, "k": 1e3, "m": 1e6},
    "B": {"": 1.0, "b": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "kib": 2**10, "mib": 2**20, "gib": 2**30},
    "s": {"": 1.0, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0},
}
NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|nan|[-+]?inf)\s*([a-z%]*)", re.I)
CALLED = {"done": "completed", "running": "alive", "killed": "dead"}  # what else people call a status
HELP = "--where takes COLUMN=VALUE, COLUMN!=VALUE, COLUMN<NUMBER, COLUMN>NUMBER (also <= and >=) or COLUMN~TEXT"


def chosen(columns: Columns, conditions: Iterable[str]) -> list[Glance]:
    """The runs that meet all conditions. Raises `CallsheetError` for one that cannot be understood."""
    found = [*columns.glances]
    for condition in conditions:
        column, holds = _condition(columns, condition)
        kept = [glance for glance in found if holds(glance)]
        if found and not kept:
            raise CallsheetError(_none_left(condition, column, found))
        found = kept
    return found


def in_order(columns: Columns, glances: Iterable[Glance], names: Sequence[str], *, reverse: bool) -> list[Glance]:
    """The runs by the columns of these names, the first one first; a `-` before a name turns its order around.

    Without a name the newest come first. Runs without a value stand last, also in the reverse order.
    """
    found = [*glances]
    for name in reversed([*names] or ["-started"]):
        column = columns.find(name.removeprefix("-"))
        known = [glance for glance in found if not _is_missing(column.value(glance))]
        last = [glance for glance in found if _is_missing(column.value(glance))]
        known.sort(key=lambda glance: _key(column.value(glance)), reverse=name.startswith("-") != reverse)
        found = [*known, *last]
    return found


def _condition(columns: Columns, condition: str) -> tuple[Column, Callable[[Glance], bool]]:
    parts = CONDITION.fullmatch(condition)
    if not parts:
        raise CallsheetError(f"{HELP}, not {quoted(condition)}.")
    name, sign, typed = parts[1], parts[2], parts[3].strip("'\"")
    column = columns.find(name)
    if sign in ORDERED:
        return column, _compared(column, ORDERED[sign], typed, condition)
    if sign in ("~", "!~"):
        return column, lambda glance: (typed.lower() in column.text(glance).lower()) == (sign == "~")
    return column, lambda glance: _equals(column, glance, typed) == (sign != "!=")


def _compared(column: Column, holds: Holds, typed: str, condition: str) -> Callable[[Glance], bool]:
    if not column.is_number:
        return lambda glance: bool(column.text(glance)) and holds(natural(column.text(glance)), natural(typed))
    limit = _number(typed, column.unit)
    if limit is None:
        units = ", ".join(filter(None, UNITS[column.unit]))
        raise CallsheetError(f"--where {condition}: {quoted(typed)} is no number; it may end in {units}.")
    return lambda glance: not _is_missing(found := column.value(glance)) and holds(found, limit)


def _equals(column: Column, glance: Glance, typed: str) -> bool:
    """Whether a run has the value that was typed, or one of several with commas between them."""
    text, value = column.text(glance), column.value(glance)
    if not typed:
        return value is None or text == ""
    texts = (text, glance.path.name, short(glance.path)) if column.name == "run" else (text,)
    return any(_is(column, value, known, each) for known in texts for each in (typed, *typed.split(",")))


def _is(column: Column, value: Any, text: str, typed: str) -> bool:
    typed = typed.strip()
    typed = CALLED.get(typed.lower(), typed) if column.name == "status" else typed
    if fnmatchcase(text.lower(), typed.lower()) or text.lower() == typed.lower():
        return True
    limit = _number(typed, column.unit) if column.is_number else None
    return limit is not None and value is not None and (value == limit or (math.isnan(limit) and math.isnan(value)))


def _number(typed: str, unit: str) -> float | None:
    found = NUMBER.fullmatch(typed.strip().replace(",", "").replace("_", ""))
    if not found or found[2].lower() not in UNITS[unit]:
        return None
    return float(found[1]) * UNITS[unit][found[2].lower()]


def _key(value: Any) -> Any:
    number = as_number(value)
    return (1, 0.0, natural(str(value).lower())) if number is None else (0, number, [])


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _none_left(condition: str, column: Column, glances: Sequence[Glance]) -> str:
    values = list(dict.fromkeys(column.text(glance) or "no value" for glance in glances))
    values.sort(key=natural)
    return f"None of {counted(len(glances), 'run')} has {condition}. Their {column.header} is {listed(values)}."
