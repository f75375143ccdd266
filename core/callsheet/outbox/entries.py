"""An entry: one piece of work for the outside world, as it lies in the outbox."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from callsheet.values import dumps

READABLE = 60
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
    return dumps(vars(entry), indent=1) + "\n"


def from_json(text: str) -> Entry:
    """Raises ValueError for what is no entry; fields that a later version added are left aside."""
    return from_content(json.loads(text))


def from_content(content: Any) -> Entry:
    """The same for JSON that was read already."""
    if not isinstance(content, dict):
        raise ValueError("an entry is a JSON object")
    known = {name: value for name, value in content.items() if name in Entry.__dataclass_fields__}
    try:
        return Entry(**known)
    except TypeError as error:
        raise ValueError(str(error)) from error
