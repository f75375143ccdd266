"""Sentences with places for fields, of which any may be missing or odd."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from callsheet_plugins.report.telling.visible import in_line

PART = re.compile(r"\[([^\[\]]*)\]")
FIELD = re.compile(r"\{(\w+)\}")
NOT_SAID = "(not said)"

Fields = Mapping[str, Any]


def filled(sentence: str, fields: Fields) -> str:
    """`sentence` with the values of its `{fields}`; a part in brackets falls away where a field of it is missing.

    >>> filled("{plugin} asked[: {reason}].", {"plugin": "bema", "reason": None})
    'bema asked.'
    """

    def part(found: re.Match[str]) -> str:
        missing = any(fields.get(name) in (None, "") for name in FIELD.findall(found[1]))
        return "" if missing else found[1]

    kept = PART.sub(part, sentence)
    return _ended(FIELD.sub(lambda field: shown(fields.get(field[1])), kept))


def shown(value: Any) -> str:
    """A value in a sentence: of a list or an object its items, in one line."""
    if value in (None, ""):
        return NOT_SAID
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return in_line(", ".join(value)) or "none"
    if isinstance(value, Mapping):
        return in_line(", ".join(f"{key}: {in_line(item)}" for key, item in value.items()))
    return in_line(value)


def _ended(sentence: str) -> str:
    """One full stop at an end: what is quoted may have its own."""
    return re.sub(r"([.!?])\.(?= |$)", r"\1", sentence.strip())
