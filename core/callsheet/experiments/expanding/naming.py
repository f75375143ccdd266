"""Names of arms: folders inside the experiment's, one for each, and readable."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from callsheet.disk.names import one_part, readable
from callsheet.errors import CallsheetError
from callsheet.experiments.places import ARMS, JOURNAL, LOCK, LOGS, RECORD, REPLACED, REPORT, WORKERS
from callsheet.screen import quoted

LONGEST = 150  # bytes: the seed and the stage follow, and endings of files
OF_A_CELL = 90  # characters
SIGNS = re.compile(r"[\s\\$*?\"'<>|&;`()\[\]{}!#%:~^]")  # which a shell, a path or an override gives a meaning
TAKEN = (RECORD, REPORT, LOCK, ARMS, WORKERS, LOGS, REPLACED, JOURNAL, "events.jsonl")


def require_folder(name: str, where: str) -> str:
    """`name`, if it can be that of a folder in the experiment's; raises `CallsheetError` otherwise."""
    one_part(name, where)
    if sign := SIGNS.search(name):
        raise CallsheetError(f"{where}={quoted(name)} cannot be the name of a folder: it holds {quoted(sign[0])}.")
    if len(name.encode()) > LONGEST:
        raise CallsheetError(f"{where}={quoted(name)} is longer than {LONGEST} bytes, and a folder is called so.")
    if _folded(name) in map(_folded, TAKEN):
        raise CallsheetError(f"{where}={quoted(name)} is what the experiment calls a file of its own: use another.")
    return name


def refuse_twins(names: Iterable[str], where: str) -> None:
    """Raise `CallsheetError` for two names that some file systems take for one: `Big` and `big`."""
    met: dict[str, str] = {}
    for name in names:
        if (other := met.setdefault(_folded(name), name)) is not name:
            differ = "" if other == name else ", which some file systems take for one folder"
            raise CallsheetError(f"{where}: two arms are called {quoted(other)} and {quoted(name)}{differ}.")


def names_of_cells(cells: Sequence[Mapping[str, Any]]) -> list[str]:
    """A name for each cell of a matrix, of the last parts of its keys and their values; a hash where that is not one.

    >>> names_of_cells([{"trainer.args.learning_rate": 1e-4, "+plugins": None}])
    ['learning_rate=0.0001-plugins=none']
    """
    short = _short({key: None for cell in cells for key in cell})
    said = ["-".join(f"{short[key]}={value_in_name(value)}" for key, value in cell.items()) for cell in cells]
    made = [readable(text, OF_A_CELL) for text in said]
    often = Counter(map(_folded, made))
    return [
        name if often[_folded(name)] == 1 and len(text) <= OF_A_CELL else f"{name}--{_digest(cell)}"
        for name, text, cell in zip(made, said, cells, strict=True)
    ]


def value_in_name(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "+".join(f"{key}={value_in_name(item)}" for key, item in value.items())
    if isinstance(value, list):
        return "+".join(map(value_in_name, value)) or "none"
    return readable(str(value).lstrip("/")) if isinstance(value, str) else str(value)


def _short(keys: Iterable[str]) -> dict[str, str]:
    """The fewest last parts of each key that no other one ends in."""
    paths = {key: re.split(r"[./]", key.lstrip("+~")) for key in keys}
    found = {}
    for key, parts in paths.items():
        others = [other for name, other in paths.items() if name != key]
        most = range(1, len(parts) + 1)
        few = next((n for n in most if not any(other[-n:] == parts[-n:] for other in others)), len(parts))
        found[key] = ".".join(parts[-few:])
    return found


def _digest(cell: Mapping[str, Any]) -> str:
    return hashlib.sha256(repr(sorted(cell.items(), key=str)).encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
