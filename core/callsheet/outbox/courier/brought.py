"""Files that a handler names outside of the run directory, brought into it: an entry names files of its run alone.

A handler is code that its user chose, and may keep what it made wherever it likes. An entry may have been written by
somebody else, so what it names outside is refused when it is announced.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from callsheet.disk import regular
from callsheet.disk.inside import Inside

FOLDER = "outbox/brought"


def brought(result: Mapping[str, Any], inside: Inside, id: str) -> dict[str, Any]:
    """`result` of the entry `id`, with the predictions of its evals inside the run. Raises OSError."""
    scored = result.get("evals")
    if not isinstance(scored, (list, tuple)):
        return dict(result)
    return {**result, "evals": [_with_predictions(each, inside, f"{id}-{at}") for at, each in enumerate(scored)]}


def _with_predictions(scored: Any, inside: Inside, name: str) -> Any:
    path = scored.get("predictions") if isinstance(scored, Mapping) else None
    if not isinstance(path, (str, os.PathLike)) or not _is_outside(Path(path), inside.root):
        return scored
    target = f"{FOLDER}/{name}.jsonl"
    inside.make(FOLDER)
    with os.fdopen(regular.open_regular(Path(path), follow=True), "rb") as file:
        inside.write(target, file, durable=False)
    return {**scored, "predictions": target}


def _is_outside(path: Path, root: Path) -> bool:
    return path.is_absolute() and not any(path.is_relative_to(each) for each in (root, root.resolve()))
