"""Checks of columns: a trainer needs some, a user selects some, and a mixture must share them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from callsheet.config.schema import SourceSettings, TrainerSettings
from callsheet.errors import CallsheetError, did_you_mean


def missing_columns(columns: Sequence[str] | None, trainer: TrainerSettings, path: str) -> list[str]:
    """A problem if `trainer` can use none of `columns`; None means that the columns are not known yet.

    `trainer.columns` lists what the trainer can use, as in `["messages", "prompt+completion", "text"]`; `text` stands
    for the column that `text_field` names.
    """
    entries = [trainer.text_field if entry == "text" else entry for entry in trainer.columns]
    if columns is None or not entries or any(set(entry.split("+")) <= set(columns) for entry in entries):
        return []
    lacking = [name for entry in entries for name in entry.split("+") if name not in columns]
    near = ((column, did_you_mean(column, lacking)) for column in columns)
    hint = next((f"{guess[:-1]} by {column!r}?" for column, guess in near if guess), "")
    has = f"Data set '{path}' has the columns {', '.join(columns)}"
    return [f"{has}; trainer={trainer.name} needs {', or '.join(entries)}.{hint}"]


def check_columns(source: SourceSettings, columns: Sequence[str]) -> None:
    """Raise `CallsheetError` for a column that `source` selects and that `columns` lack."""
    for name in source.columns or []:
        if name not in columns:
            near = did_you_mean(name, columns)
            raise CallsheetError(
                f"Data set '{source.path}' has no column {name!r}.{near} It has: {', '.join(columns)}."
            )


def misfits(columns: Mapping[str, Sequence[str]]) -> list[str]:
    """Problems of mixed data sets whose columns differ: `datasets` would fill the gaps with None."""
    (first, expected), *others = columns.items() or [("", [])]
    return [
        f"{first} has the columns {', '.join(expected)}, but {where} has {', '.join(found)}. "
        "Data sets of a mixture need the same columns; choose them with `columns`."
        for where, found in others
        if set(found) != set(expected)
    ]
