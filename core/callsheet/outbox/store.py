"""The folders of an outbox: an entry is one file, in one of them, and moves by rename."""

from __future__ import annotations

import errno
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from callsheet.disk.inside import Inside
from callsheet.disk.regular import kind, shown
from callsheet.disk.typed import Malformed
from callsheet.errors import CallsheetError
from callsheet.outbox import entries
from callsheet.outbox.entries import UNREADABLE, Entry, to_json
from callsheet.rundir import atomic

PENDING, ACTIVE, PARKED, DONE, FAILED = "pending", "active", "parked", "done", "failed"
ANNOUNCED = "outbox/announced.jsonl"  # which entries the run has heard of
STATES = (PENDING, ACTIVE, PARKED, DONE, FAILED)
REPAIR = "Remove the file, or repair it and retry."
# What says nothing of the file, and passes; the first is how a network file system says that it was replaced.
PASSING = (errno.ESTALE, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR)
IN_THE_WAY = (errno.EISDIR, errno.ENOTDIR, errno.ENOTEMPTY, errno.EEXIST)
SIDE_BY_SIDE = 16  # files at a time, of many: a disk syncs them together
KEPT = (PENDING, ACTIVE, PARKED, FAILED)  # what may still want its files


class EntryStore:
    """The entries of the run at `run_dir`: put by the run, moved by whoever holds the courier's lock."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self.folder = run_dir / "outbox"
        self.inside = Inside(run_dir)

    def path(self, state: str, id: str) -> Path:
        return self.folder / state / f"{id}.json"

    def make(self) -> None:
        self.run_dir.mkdir(parents=True, exist_ok=True)
        for state in STATES:
            self.inside.make(self.folder / state)

    def ids(self, state: str) -> list[str]:
        """Names only; nothing is read."""
        try:
            names = self.inside.names(self.folder / state)
        except NotADirectoryError as error:
            folder = self.folder / state
            raise CallsheetError(f"{shown(folder)} is {kind(folder.stat().st_mode)}; a folder is needed.") from error
        return [name.removesuffix(".json") for name in names if name.endswith(".json") and not name.startswith(".")]

    def left(self) -> list[str]:
        """What is still to be carried out. Pending twice: an entry may move back while active ones are listed."""
        return list(dict.fromkeys(self.ids(PENDING) + self.ids(ACTIVE) + self.ids(PENDING)))

    def state_of(self, id: str) -> str | None:
        """Where an entry lies; looks at pending twice, for one that moves back meanwhile."""
        return next(
            (state for state in (PENDING, ACTIVE, PENDING, PARKED, DONE, FAILED) if self.path(state, id).exists()), None
        )

    def read(self, state: str, id: str) -> Entry | None:
        """The entry, or None when it has moved on; for a file that is no entry, one of no kind that says so."""
        try:
            return _named(entries.read(self.path(state, id), self._where(state, id)), id)
        except FileNotFoundError:
            return None
        except OSError as error:
            return None if error.errno in PASSING else _unreadable(id, error)
        except Malformed as error:
            return _unreadable(id, error)

    def on(self, *states: str) -> Iterator[tuple[str, Entry]]:
        """The entries in these states, in this order; what moves meanwhile is seen where it was found first."""
        seen: set[str] = set()
        for state in states:
            for id in self.ids(state):
                if id not in seen and (entry := self.read(state, id)):
                    seen.add(id)
                    yield state, entry

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """Every entry with its state, those that are put but not posted yet among the pending ones."""
        seen: set[str] = set()
        for state, entry in self.on(*STATES):
            seen.add(entry.id)
            yield state, entry
        for id in self.drafts():
            if id not in seen and (draft := self._seen_draft(id)):
                yield PENDING, draft

    def _seen_draft(self, id: str) -> Entry | None:
        """A draft, or None where it was posted meanwhile, or lacks its end since a run writes it, or was killed."""
        try:
            return self.drafted(id)
        except FileNotFoundError:
            return None
        except (OSError, Malformed) as error:
            return None if _is_torn(error) else _unreadable(id, error)

    def draft(self, entry: Entry) -> None:
        """Write an entry that nobody sees yet, without waiting for the disk: this process may be killed from now on."""
        self.inside.write(self._draft(entry.id), to_json(entry), durable=False)

    def drafted(self, id: str) -> Entry:
        """The draft of an entry that was put just now. Raises `Malformed` and OSError."""
        return entries.read(self._draft(id), f"outbox/{PENDING}/.{shown(Path(id))}.draft")

    def drafts(self) -> list[str]:
        """What a full disk, or a kill, has kept from being posted."""
        return [path.name[1 : -len(".draft")] for path in (self.folder / PENDING).glob(".*.draft")]

    def is_draft(self, id: str) -> bool:
        return self._draft(id).exists()

    def post(self, id: str) -> None:
        """Make a draft pending, once it is on the disk: the machine may fail from now on."""
        atomic.publish(self._draft(id), self.path(PENDING, id), self.run_dir)

    def adopt(self) -> None:
        """Post the drafts of a run that was killed; one that is torn was never put, and one that is none fails."""
        for id in self.drafts():
            try:
                self.drafted(id)
            except (OSError, Malformed) as error:
                if _is_torn(error):
                    self.inside.remove(self._draft(id))
                else:
                    self._move(self._draft(id), self.path(PENDING, id))
            else:
                self.post(id)

    def _draft(self, id: str) -> Path:
        return self.folder / PENDING / f".{id}.draft"

    def claim(self, id: str) -> bool:
        """Take a pending entry into work; False when it is gone."""
        try:
            self._rename(self.path(PENDING, id), self.path(ACTIVE, id))
        except FileNotFoundError:
            return False
        return True

    def settle(self, entry: Entry, state: str) -> None:
        """Write down what became of an active entry, then move it: it lies in one place at every moment."""
        if entry.kind != UNREADABLE:  # what stands there is for somebody to repair
            atomic.write(self.path(ACTIVE, entry.id), to_json(entry), self.run_dir)
        self._move(self.path(ACTIVE, entry.id), self.path(state, entry.id))

    def let_wait(self, id: str) -> None:
        """Return an active entry as it is, without waiting for the disk: active or pending, it comes up again."""
        self._rename(self.path(ACTIVE, id), self.path(PENDING, id))

    def put_back(self, id: str) -> None:
        """Return an active entry as it is."""
        self._move(self.path(ACTIVE, id), self.path(PENDING, id))

    def withdraw(self, id: str) -> None:
        """Let an entry that was carried out, and that nobody can read any more, be one that failed."""
        self._move(self.path(DONE, id), self.path(FAILED, id))

    def recover(self) -> list[str]:
        """Return what a courier left in its hands when it was killed; only for the holder of the lock."""
        found = self.ids(ACTIVE)
        for id in found:
            entry = self.read(ACTIVE, id)
            settled = entry and entry.finished_at is not None
            done = entry and entry.result is not None
            self._move(self.path(ACTIVE, id), self.path((DONE if done else FAILED) if settled else PENDING, id))
        return found

    def unpark(self) -> None:
        """Look again at what was in somebody else's hands."""
        for id in self.ids(PARKED):
            self._move(self.path(PARKED, id), self.path(PENDING, id))

    def retry(self, id: str, **payload: Any) -> bool:
        """Give a failed entry another chance, from its first attempt on; False when it did not fail.

        `payload` is what of its payload is to be another from now on.
        """
        entry = self.read(FAILED, id)
        if entry is None:
            return False
        if entry.kind != UNREADABLE:
            known = {**entry.payload, **payload}
            again = replace(entry, payload=known, attempts=0, not_before=0.0, finished_at=None)
            atomic.write(self.path(FAILED, id), to_json(again), self.run_dir)
        self._move(self.path(FAILED, id), self.path(PENDING, id))
        return True

    def retry_all(self, ids: Iterable[str]) -> list[str]:
        """Do the same for many, side by side; returns those that had failed."""
        ids = [*ids]
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            return [id for id, had_failed in zip(ids, pool.map(self.retry, ids), strict=True) if had_failed]

    def _where(self, state: str, id: str) -> str:
        return f"outbox/{state}/{shown(Path(id))}.json"

    def _move(self, source: Path, target: Path) -> None:
        """Rename `source`; the name is on the disk when this returns."""
        self._rename(source, target)
        self.inside.sync(target.parent)

    def _rename(self, source: Path, target: Path) -> None:
        """A folder that has the name of another entry gets one of its own, under which it is listed."""
        try:
            self.inside.rename(source, target)
        except OSError as error:
            if error.errno not in IN_THE_WAY:
                raise
            free = target.with_name(f"{target.stem}.{uuid.uuid4().hex[:6]}.json")
            if target.is_dir():
                self.inside.rename(target, free)
            self.inside.rename(source, free if source.is_dir() and target.exists() else target)


def _named(entry: Entry, id: str) -> Entry:
    if entry.id != id:
        raise Malformed(shown(Path(f"{id}.json")), f"its id is {entry.id!r}, which is another than its name")
    return entry


def _unreadable(id: str, error: OSError | Malformed) -> Entry:
    wrong = (error.strerror if isinstance(error, OSError) else "") or str(error)
    said = f"The file is no entry: {wrong.rstrip('.')}."
    return Entry(id, UNREADABLE, shown(Path(id)), {}, 0.0, error=said, advice=REPAIR)


def _is_torn(error: OSError | Malformed) -> bool:
    return isinstance(error, Malformed) and error.is_torn
