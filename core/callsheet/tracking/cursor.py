"""How far a tracker has got: `trackers/NAME.json`, and before each batch a copy that says what the batch holds.

The cursor is written when the batch is safe at the tracker. If the copy is as new as the cursor, a process was killed
in between, and the tracker may have the batch, a part of it, or nothing. A damaged cursor is restored from the copy.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

from callsheet.disk import typed
from callsheet.disk.inside import Inside
from callsheet.disk.names import file_name
from callsheet.disk.typed import LARGE, Malformed
from callsheet.rundir import atomic
from callsheet.rundir.rundir import now
from callsheet.values import dumps

logger = logging.getLogger("callsheet.tracking")

FOLDER = "trackers"


@dataclass
class Seen:
    """A file of completions as it was read last, and which sources of it were sent."""

    size: int
    changed: int
    sources: list[str] = field(default_factory=list)


@dataclass
class Cursor:
    """What of the run directory was sent to one tracker.

    `batch` counts batches, `sent` points and tables. `read` has bytes by file, `steps` the last step by split and name,
    `scores`, `checkpoints` and `revisions` what was told, `completions` the files by step. `renamed` are names that the
    tracker does not take. `ended` is the status that the tracker was told, `run_id` what the run was
    called there at first, `ids` what the tracker calls it.
    """

    tracker: str = ""
    run_id: str = ""
    batch: int = 0
    sent: int = 0
    ids: dict[str, str] = field(default_factory=dict)
    ended: str | None = None
    time: str = ""
    read: dict[str, int] = field(default_factory=dict)
    steps: dict[str, dict[str, int]] = field(default_factory=dict)
    scores: set[str] = field(default_factory=set)
    checkpoints: set[str] = field(default_factory=set)
    revisions: set[str] = field(default_factory=set)
    completions: dict[str, Seen] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)

    def copy(self) -> Cursor:
        return deepcopy(self)


def path_of(tracker: str) -> str:
    """The cursor of `tracker`, from the run directory on."""
    return f"{FOLDER}/{file_name(tracker)}.json"


def ids_of(run_dir: Path) -> dict[str, dict[str, str]]:
    """What each tracker calls the run, by tracker; nothing of a cursor that is damaged."""
    inside, found = Inside(run_dir), dict[str, dict[str, str]]()
    try:
        names = sorted(name for name in inside.names(FOLDER) if name.endswith(".json") and name[0] != ".")
    except OSError:
        return found
    for name in names:
        with suppress(OSError, Malformed):
            if cursor := _read(inside, f"{FOLDER}/{name}"):
                found[cursor.tracker] = cursor.ids
    return found


class CursorFile:
    """The two files of one tracker's cursor. Raises `Outside` where a link stands in their place, and OSError."""

    def __init__(self, run_dir: Path, tracker: str) -> None:
        self.inside, self.tracker = Inside(run_dir), tracker
        self.path = path_of(tracker)
        self.ahead = f"{FOLDER}/.{file_name(tracker)}.ahead.json"

    def load(self) -> tuple[Cursor, Cursor | None]:
        """Where to go on, and how far the batch reaches that may have been sent; None if none is in doubt.

        Both files may be damaged. Then all is in doubt, from the first row on: an empty cursor, ahead of itself.
        """
        damaged = ""
        try:
            cursor = _read(self.inside, self.path)
        except Malformed as error:
            cursor, damaged = None, str(error)
        behind, ahead = self._ahead()
        if damaged:
            return self._restored(damaged, behind, ahead)
        cursor = cursor or Cursor(self.tracker)
        in_doubt = ahead is not None and behind is not None and behind.batch == cursor.batch
        return cursor, ahead if in_doubt else None

    def begin(self, cursor: Cursor, after: Cursor) -> None:
        """A batch will be sent that leads from `cursor` to `after`."""
        self._write(self.ahead, {"behind": vars(cursor), "ahead": vars(after)})

    def save(self, cursor: Cursor) -> None:
        """All up to `cursor` is safe at the tracker."""
        cursor.time = now()
        self._write(self.path, vars(cursor))

    def _write(self, name: str, content: object) -> None:
        self.inside.make(FOLDER)
        atomic.write(self.inside.root / name, dumps(content) + "\n", self.inside.root)

    def _ahead(self) -> tuple[Cursor | None, Cursor | None]:
        try:
            both = typed.convert(_content(self.inside, self.ahead), dict[str, Cursor], self.ahead)
        except (Malformed, FileNotFoundError):
            return None, None
        return both.get("behind"), both.get("ahead")

    def _restored(self, damaged: str, behind: Cursor | None, ahead: Cursor | None) -> tuple[Cursor, Cursor | None]:
        if behind and ahead:
            logger.warning("%s. It is restored from %s.", damaged, self.ahead)
            return behind, ahead
        logger.warning("%s. Every row is compared with what %s has, or sent again.", damaged, self.tracker)
        return Cursor(self.tracker), Cursor(self.tracker, batch=-1)


def _read(inside: Inside, name: str) -> Cursor | None:
    try:
        cursor = typed.convert(_content(inside, name), Cursor, name)
    except FileNotFoundError:
        return None
    if wrong := next((each for each in ("batch", "sent") if getattr(cursor, each) < 0), ""):
        raise Malformed(name, f"{wrong} is {getattr(cursor, wrong)}, which is less than nothing")
    if wrong := next((name for name, place in cursor.read.items() if place < 0), ""):
        raise Malformed(name, f"read[{wrong!r}] is {cursor.read[wrong]}, which is less than nothing")
    return cursor


def _content(inside: Inside, name: str) -> object:
    return typed.parse(inside.read(name, LARGE), dict, name)
