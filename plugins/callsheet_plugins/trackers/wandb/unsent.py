"""Rows that stand in the files of killed processes, and that the server never got: they are sent again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from callsheet.privates.wandb import TIMESTAMP
from callsheet.tracking import Rows
from callsheet_plugins.trackers.wandb.records import History

KIND = "/_type"  # what a table's row has below its name
STEP = "/step"
OFFLINE = "offline-run-"


def unsent(files: Iterable[Path], first: int) -> Iterator[dict[str, Any] | Rows]:
    """What `files` of online processes hold from the row `first` on, in order: rows of numbers, and tables.

    The server has the rows before, and an offline file is the user's to send.
    """
    found: dict[int, tuple[Path, dict[str, Any]]] = {}
    for path in files:
        if not path.parent.name.startswith(OFFLINE):
            found |= {number: (path, row) for number, row in History(path).rows() if number >= first}
    for _, (path, row) in sorted(found.items()):
        yield _table(path.parent / "files", row) or _numbers(row)


def _numbers(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if not name.startswith("_") or name == TIMESTAMP}


def _table(files: Path, row: Mapping[str, Any]) -> Rows | None:
    """The rows of a table, from the file that was to be uploaded; None if there is no table, or no file any more."""
    name = next((key.removesuffix(KIND) for key in row if key.endswith(KIND)), "")
    path = files / str(row.get(f"{name}/path", ""))
    if not name or not path.is_file():
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    axis = next(key for key in row if key.endswith(STEP))
    named = axis.removesuffix(STEP)
    return Rows(named, int(row[axis]), float(row[TIMESTAMP]), content["columns"], content["data"])
