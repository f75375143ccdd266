"""Checks of the values in a trainer's columns: text, messages, tokens or a label, in the first rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from callsheet.config.schema import TrainerSettings
from callsheet.errors import CallsheetError

ROWS = 100
SHOWN = 60
TURNS = ("prompt", "completion", "chosen", "rejected")
MESSAGES = "a list of messages, as in [{role: user, content: …}]"


def check_rows(rows: Iterable[Mapping[str, Any]], trainer: TrainerSettings, path: str) -> None:
    """Raise `CallsheetError` for the first of `rows` with a value that `trainer` cannot use in that column."""
    for number, row in enumerate(rows, 1):
        used = _used(row, trainer)
        for column in used:
            if wanted := _misfit(column, row[column], trainer.text_field):
                raise CallsheetError(
                    f"Row {number} of data set '{path}' holds {_shown(row[column])} in column {column!r}; "
                    f"trainer={trainer.name} needs {wanted}."
                )
        kinds = {column: isinstance(row[column], str) for column in TURNS if column in used}
        if len({*kinds.values()}) > 1:
            said = ", ".join(f"{column} as {'text' if is_text else 'messages'}" for column, is_text in kinds.items())
            raise CallsheetError(f"Row {number} of data set '{path}' brings {said}; all must be of one kind.")


def _used(row: Mapping[str, Any], trainer: TrainerSettings) -> Sequence[str]:
    """The columns of the first entry of `trainer.columns` that `row` has in full."""
    entries = ([trainer.text_field if name == "text" else name for name in e.split("+")] for e in trainer.columns)
    return next((entry for entry in entries if set(entry) <= row.keys()), ())


def _misfit(column: str, value: Any, text_field: str) -> str:
    """What `column` should hold instead of `value`, or an empty string if `value` fits."""
    if column == text_field:
        return "" if isinstance(value, str) else "text"
    if column in TURNS:
        return "" if isinstance(value, str) or _is_messages(value, "role") else f"text, or {MESSAGES}"
    if column == "messages":
        return "" if _is_messages(value, "role") else MESSAGES
    if column == "conversations":
        fits = _is_messages(value, "role") or _is_messages(value, "from")
        return "" if fits else MESSAGES
    if column == "input_ids":
        fits = isinstance(value, list) and all(isinstance(token, int) for token in value)
        return "" if fits else "a list of token ids"
    if column == "label":
        return "" if value in (True, False) else "true or false"
    return ""


def _is_messages(value: Any, role: str) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) and item.get(role) for item in value)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
