"""The folders of an outbox: an entry is one file, in one of them, and moves by rename."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from callsheet.outbox.entries import UNREADABLE, Entry, from_json, to_json
from callsheet.rundir import atomic

PENDING, ACTIVE, PARKED, DONE, FAILED = "pending", "active", "parked", "done", "failed"
ANNOUNCED = "outbox/announced.jsonl"  # which entries the run has heard of
STATES = (PENDING, ACTIVE, PARKED, DONE, FAILED)
REPAIR = "Remove the file, or repair it and retry."
KEPT = (PENDING, ACTIVE, PARKED, FAILED)  # what may still want its files


class EntryStore:
    """The entries of the run at `run_dir`: put by the run, moved by whoever holds the courier's lock."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self.folder = run_dir / "outbox"

    def path(self, state: str, id: str) -> Path:
        return self.folder / state / f"{id}.json"

    def make(self) -> None:
        for state in STATES:
            (self.folder / state).mkdir(parents=True, exist_ok=True)

    def ids(self, state: str) -> list[str]:
        """Names only; nothing is read."""
        try:
            with os.scandir(self.folder / state) as found:
                names = [entry.name for entry in found]
        except FileNotFoundError:
            return []
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
            return from_json(self.path(state, id).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno == errno.ESTALE:  # replaced, says a network file system
                return None
            return Entry(id, UNREADABLE, id, {}, 0.0, error=f"The file is no entry: {error}.", advice=REPAIR)

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
            with suppress(OSError, ValueError):  # posted meanwhile, or torn by a kill
                if id not in seen:
                    yield PENDING, self.drafted(id)

    def draft(self, entry: Entry) -> None:
        """Write an entry that nobody sees yet, without waiting for the disk: this process may be killed from now on."""
        path = self._draft(entry.id)
        try:
            path.write_text(to_json(entry), encoding="utf-8")
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def drafted(self, id: str) -> Entry:
        """The draft of an entry that was put just now."""
        return from_json(self._draft(id).read_text(encoding="utf-8"))

    def drafts(self) -> list[str]:
        """What a full disk, or a kill, has kept from being posted."""
        return [path.name[1 : -len(".draft")] for path in (self.folder / PENDING).glob(".*.draft")]

    def is_draft(self, id: str) -> bool:
        return self._draft(id).exists()

    def post(self, id: str) -> None:
        """Make a draft pending, once it is on the disk: the machine may fail from now on."""
        atomic.publish(self._draft(id), self.path(PENDING, id))

    def adopt(self) -> None:
        """Post the drafts of a run that was killed; one that is torn was never put."""
        for id in self.drafts():
            try:
                self.drafted(id)
            except ValueError:
                self._draft(id).unlink()
                continue
            self.post(id)

    def _draft(self, id: str) -> Path:
        return self.folder / PENDING / f".{id}.draft"

    def claim(self, id: str) -> bool:
        """Take a pending entry into work; False when it is gone."""
        try:
            self.path(PENDING, id).rename(self.path(ACTIVE, id))
        except FileNotFoundError:
            return False
        return True

    def settle(self, entry: Entry, state: str) -> None:
        """Write down what became of an active entry, then move it: it lies in one place at every moment."""
        if entry.kind != UNREADABLE:  # what stands there is for somebody to repair
            atomic.write(self.path(ACTIVE, entry.id), to_json(entry))
        atomic.move(self.path(ACTIVE, entry.id), self.path(state, entry.id))

    def let_wait(self, id: str) -> None:
        """Return an active entry as it is, without waiting for the disk: active or pending, it comes up again."""
        self.path(ACTIVE, id).rename(self.path(PENDING, id))

    def put_back(self, id: str) -> None:
        """Return an active entry as it is."""
        atomic.move(self.path(ACTIVE, id), self.path(PENDING, id))

    def recover(self) -> list[str]:
        """Return what a courier left in its hands when it was killed; only for the holder of the lock."""
        found = self.ids(ACTIVE)
        for id in found:
            entry = self.read(ACTIVE, id)
            settled = entry and entry.finished_at is not None
            done = entry and entry.result is not None
            atomic.move(self.path(ACTIVE, id), self.path((DONE if done else FAILED) if settled else PENDING, id))
        return found

    def unpark(self) -> None:
        """Look again at what was in somebody else's hands."""
        for id in self.ids(PARKED):
            atomic.move(self.path(PARKED, id), self.path(PENDING, id))

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
            atomic.write(self.path(FAILED, id), to_json(again))
        atomic.move(self.path(FAILED, id), self.path(PENDING, id))
        return True
