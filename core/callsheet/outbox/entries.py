"""An entry: one piece of work for the outside world, as it lies in the outbox."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from callsheet.disk import typed
from callsheet.disk.typed import Malformed
from callsheet.secrets import redact_text
from callsheet.values import dumps

READABLE = 60
LONGEST = 64 << 20  # bytes of an entry; what is longer belongs into a file of it
NAME_MAX = 255  # bytes, on every usual file system
YEAR_10000 = 253_402_300_800.0
UNREADABLE = "unreadable"  # the kind of a file that is no entry


@dataclass(frozen=True)
class Entry:
    """`files` gives the size of each file in the entry's snapshot, `sources` where it lay, from the run directory on.

    Times are seconds since 1970.

    `result` is what the handler returned, `error` why the last attempt failed, `advice` what would help.
    """

    id: str
    kind: str
    key: str
    payload: Mapping[str, Any]
    put_at: float
    files: Mapping[str, int] = field(default_factory=dict)
    attempts: int = 0
    not_before: float = 0.0
    finished_at: float | None = None
    error: str | None = None
    advice: str | None = None
    result: Mapping[str, Any] | None = None
    sources: Mapping[str, str] = field(default_factory=dict)


def id_of(kind: str, key: str) -> str:
    """A file name that says what it is, the same for the same kind and key.

    >>> id_of("hub_revisions", "me/model@main-step-000000100")
    'hub_revisions-me-model-main-step-000000100-1b9d1c9b81a4'
    """
    digest = hashlib.sha256(f"{kind}\0{key}".encode()).hexdigest()[:12]
    return f"{re.sub(r'[^A-Za-z0-9_.]+', '-', f'{kind}-{key}')[:READABLE].strip('-.')}-{digest}"


def to_json(entry: Entry) -> str:
    """Raises ValueError for one that would be too long to be read again."""
    text = redact_text(dumps(vars(entry), indent=1)) + "\n"
    if len(text) > LONGEST:
        raise ValueError(f"an entry of the outbox has at most {LONGEST:,} bytes; put what is longer among its files")
    return text


def read(path: Path, where: str) -> Entry:
    """The entry in the file `path`, which errors call `where`. Raises `Malformed` and OSError."""
    return _possible(typed.read(path, Entry, limit=LONGEST, where=where), where)


def from_json(text: str, where: str = "the entry") -> Entry:
    """Raises `Malformed` for what is no entry; fields that a later version added are left aside."""
    return _possible(typed.parse(text, Entry, where), where)


def from_content(content: Any, where: str = "the entry") -> Entry:
    """The same for JSON that was read already."""
    return _possible(typed.convert(content, Entry, where), where)


def _possible(entry: Entry, where: str) -> Entry:
    if wrong := next(_impossible(entry), ""):
        raise Malformed(where, wrong)
    return entry


def _impossible(entry: Entry) -> Iterator[str]:
    """What has the right type, and can be no id, kind, time, count or name of a file."""
    if not _is_inside(entry.id) or "/" in entry.id or entry.id.startswith("."):
        yield f"id is {entry.id[:READABLE]!r}, which can be the name of no file"
    if entry.kind in ("", UNREADABLE):
        yield f"kind is {entry.kind!r}, which nobody carries out"
    for name in ("put_at", "not_before", "finished_at"):
        if (moment := getattr(entry, name)) is not None and not 0 <= moment < YEAR_10000:
            yield f"{name} is {moment:g}, which is no time in seconds since 1970"
    for name, number in (
        ("attempts", entry.attempts),
        *((f"files[{name!r}]", size) for name, size in entry.files.items()),
    ):
        if not 0 <= number < 2**63:
            yield f"{name} is out of range"
    for name in (*entry.files, *entry.sources):
        if not _is_inside(name):
            yield f"files names {name[:READABLE]!r}, which does not lie inside its snapshot"


def _is_inside(name: str) -> bool:
    parts = name.split("/")
    fit = all(len(part.encode("utf-8", "surrogatepass")) <= NAME_MAX for part in parts)
    return fit and "\0" not in name and parts[0] != "" and ".." not in parts
