"""An arm as it lies in the queue: what it is, what makes it differ, and every attempt at it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from callsheet.disk import typed
from callsheet.disk.regular import shown
from callsheet.disk.typed import Malformed
from callsheet.experiments.arms import Arm
from callsheet.values import dumps

COMPLETED, STOPPED, FAILED, INTERRUPTED, SKIPPED = "completed", "stopped", "failed", "interrupted", "skipped"
ENDS = (COMPLETED, STOPPED, FAILED, SKIPPED)  # of an arm
KILLED = "killed"  # an attempt that a signal has ended which its worker did not send
LOST = "lost"  # an attempt whose worker died, or lost touch with the directory
UNREADABLE = "unreadable"  # the status of a file that is no entry
NAME_MAX = 160  # bytes: names that are made of it have a worker's name, too


@dataclass(frozen=True)
class Attempt:
    """One start of an arm. `status` is completed, stopped, failed, interrupted, killed or lost.

    `exit_code` is that of its process, `seconds` is how long its process ran, `pid` is the worker's.
    """

    worker: str
    host: str
    pid: int
    started: str
    ended: str | None = None
    seconds: float | None = None
    status: str | None = None
    exit_code: int | None = None
    error: str | None = None


@dataclass(frozen=True)
class Entry(Arm):
    """An arm in the queue.

    `digest` tells its composed configuration, without where it lies; `differs` are the settings in which it differs.
    `status`, once it is over, is completed, stopped, failed or skipped; `remark` what is left to do all the same.
    """

    digest: str | None = None
    differs: Mapping[str, Any] = field(default_factory=dict)
    attempts: tuple[Attempt, ...] = ()
    status: str | None = None
    error: str | None = None
    remark: str | None = None


def of(arm: Arm, digest: str | None = None, differs: Mapping[str, Any] | None = None) -> Entry:
    """The entry of an arm that was composed."""
    return Entry(**vars(arm), digest=digest, differs=differs or {})


def to_json(entry: Entry) -> str:
    said = {**vars(entry), "attempts": [vars(attempt) for attempt in entry.attempts]}
    return dumps(said, indent=1) + "\n"


def read(path: Path, name: str, where: str) -> Entry:
    """The entry `name` in the file `path`, which errors call `where`. Raises `Malformed` and OSError."""
    entry = typed.read(path, Entry, where=where)
    if wrong := next(_impossible(entry, name), ""):
        raise Malformed(where, wrong)
    return entry


def unreadable(name: str, error: OSError | Malformed) -> Entry:
    """What stands for a file that is no entry, and says so."""
    wrong = (error.strerror if isinstance(error, OSError) else "") or str(error)
    said = f"Its file in the queue cannot be read: {wrong.rstrip('.')}. Repair it, and give the arm to --rerun."
    return Entry(name, name, status=UNREADABLE, error=said)


def can_be_a_name(name: str) -> bool:
    """Whether an arm may have this name: it is that of a folder, and part of the name of a file."""
    fits = len(name.encode("utf-8", "surrogatepass")) <= NAME_MAX
    return fits and name != "" and not name.startswith(".") and not {"/", "\0", "\n"} & {*name}


def _impossible(entry: Entry, name: str) -> Iterator[str]:
    if entry.name != name:
        yield f"its name is {entry.name[:NAME_MAX]!r}, and the file is that of {shown(Path(name))}"
    if entry.status not in (None, *ENDS):
        yield f"its status is {entry.status[:NAME_MAX]!r}, which is none of {', '.join(ENDS)}"
    if entry.after == entry.name or (entry.after is not None and not can_be_a_name(entry.after)):
        yield f"after is {entry.after!r}, which can be no other arm"
