"""Reward functions, imported or made from the entries of a configuration."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from callsheet.errors import CallsheetError
from callsheet.introspect.importing import import_object
from callsheet.rewards.guarding import guarded
from callsheet.rewards.naming import Entry, entry

Reward = Callable[..., Any]
# TRL 1.16 passes these besides the columns of the data.
PASSED = {"prompts", "completions", "completion_ids", "trainer_state", "log_extra", "log_metric", "environments"}


def load(rewards: Sequence[Any], columns: Sequence[str]) -> list[Reward | str]:
    """Import and guard the reward functions that `rewards` name; reward models stay paths, and TRL loads them.

    Raises `CallsheetError` if a reward cannot be imported or called, or if it needs a column that is not in `columns`.
    """
    return [_load(entry(written), columns) for written in rewards]


def _load(entry: Entry, columns: Sequence[str]) -> Reward | str:
    if entry.is_model:
        folder = Path(entry.path).expanduser()
        return str(folder) if folder.is_dir() else entry.path
    found = import_object(f"{entry.module}.{entry.name}", "trainer.rewards")
    reward = found if entry.arguments is None else _made(entry, found)
    if not callable(reward):
        made = "is" if entry.arguments is None else "makes"
        raise CallsheetError(f"trainer.rewards: {entry.path} {made} {_a(reward)}, which cannot be called.")
    _check_columns(entry, reward, columns)
    return guarded(reward, entry.path)


def _made(entry: Entry, maker: Any) -> Any:
    try:
        return maker(**(entry.arguments or {}))
    except Exception as error:
        raise CallsheetError(f"trainer.rewards: {entry.path} refuses its arguments: {error}") from error


def _check_columns(entry: Entry, reward: Reward, columns: Sequence[str]) -> None:
    """Raise `CallsheetError` if `reward` requires a column that the data lack."""
    try:
        parameters = inspect.signature(reward).parameters.values()
    except (TypeError, ValueError):  # a callable made in C
        return
    passed = {*PASSED, *columns} - {"prompt", "completion"}
    named = [p.name for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    if missing := [name for name in named if name not in passed]:
        raise CallsheetError(
            f"trainer.rewards: {entry.path} needs the column {' and the column '.join(map(repr, missing))}; "
            f"the data set has {', '.join(columns)}."
        )


def _a(value: object) -> str:
    return f"{value!r}"[:60]
