"""The queue of an experiment: arms are files, in a folder for each state, and move between them by rename."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from callsheet.disk.descent import Outside
from callsheet.disk.inside import Inside
from callsheet.disk.regular import shown
from callsheet.disk.typed import Malformed
from callsheet.errors import CallsheetError
from callsheet.experiments.places import ACTIVE, ARMS, DONE, FAILED, PENDING, STATES
from callsheet.experiments.queue import records
from callsheet.experiments.queue.claims import SUFFIX, Claim, Move, claim_in, move_in
from callsheet.experiments.queue.records import Entry, to_json
from callsheet.rundir import atomic

IN_THE_WAY = (errno.EISDIR, errno.ENOTDIR, errno.ENOTEMPTY, errno.EEXIST)
# What says nothing of the file, and passes; the first is how a network file system says that it was replaced.
PASSING = (errno.ESTALE, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR)


class Queue:
    """The arms of the experiment at `root`. Any number of processes, on any host that sees it, may use it at once.

    Every method raises OSError as the file system does, and `Outside` for a link below `root`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / ARMS
        self.inside = Inside(root, "the experiment's directory")

    def make(self) -> None:
        """Make the folders where they are missing."""
        for state in STATES:
            self.inside.make(self.folder / state)

    def add(self, entry: Entry) -> bool:
        """Put a new arm among the pending ones; False, and nothing done, where there is one of its name.

        For one process at a time: the driver, which holds the experiment's lock.
        """
        if not records.can_be_a_name(entry.name):
            raise CallsheetError(f"{entry.name!r} can be the name of no arm: it is that of a folder.")
        if self.state_of(entry.name):
            return False
        atomic.write(self.path(PENDING, entry.name), to_json(entry), self.root)
        return True

    def path(self, state: str, name: str) -> Path:
        """The file of an arm that is pending, done or failed; that of an active one is `claim_path`."""
        return self.folder / state / f"{name}{SUFFIX}"

    def claim_path(self, claim: Claim) -> Path:
        return self.folder / ACTIVE / claim.file

    def names(self, state: str) -> list[str]:
        """The arms in a state, by the names of files alone; nothing is read."""
        if state == ACTIVE:
            return [claim.name for claim in self.claims()] + [move.name for move in self.moves()]
        files = self.inside.names(self.folder / state)
        return [file.removesuffix(SUFFIX) for file in files if file.endswith(SUFFIX) and not file.startswith(".")]

    def states(self) -> dict[str, str]:
        """The state of every arm, by the names of files alone.

        Active ones are listed twice, and pending ones as often, so that none is missed that moves meanwhile.
        """
        found: dict[str, str] = {}
        for state in (PENDING, ACTIVE, PENDING, ACTIVE, DONE, FAILED):
            found.update(dict.fromkeys(self.names(state), state))
        return found

    def state_of(self, name: str) -> str | None:
        """Where an arm lies, or None."""
        return self.states().get(name)

    @property
    def is_over(self) -> bool:
        """Whether every arm is done or failed."""
        return not (self.names(PENDING) or self.names(ACTIVE) or self.names(PENDING))

    def claims(self) -> list[Claim]:
        """Who has which arm in hand."""
        return [claim for file in self.inside.names(self.folder / ACTIVE) if (claim := claim_in(file))]

    def moves(self) -> list[Move]:
        """What is on its way from one state to another: a worker writes it, or was killed while it did."""
        return [move for file in self.inside.names(self.folder / ACTIVE) if (move := move_in(file))]

    def read(self, state: str, name: str) -> Entry | None:
        """A pending, done or failed arm; None when it is not there. Of a file that is none, an entry that says so."""
        return self._read(self.path(state, name), name)

    def read_claimed(self, claim: Claim) -> Entry | None:
        """The same for an active arm."""
        return self._read(self.claim_path(claim), claim.name)

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """Every arm with its state. One that moves comes once; a damaged file comes as an entry that says so."""
        seen: set[str] = set()
        for state in (PENDING, ACTIVE, PENDING, ACTIVE, DONE, FAILED, PENDING):
            for name, path in self._files(state):
                if name not in seen and (entry := self._read(path, name)):
                    seen.add(name)
                    yield state, entry

    def claim(self, name: str, worker: str, number: int) -> Claim | None:
        """Take a pending arm in hand; None when another was first. `number` must be new for each claim of a worker."""
        claim = Claim(name, worker, number)
        if not self._rename(self.path(PENDING, name), self.claim_path(claim)):
            return None
        self.beat(claim)
        return claim

    def beat(self, claim: Claim) -> bool:
        """Say that the holder of a claim lives, by the clock of the file system; False when the claim was taken away.

        Opening the file asks a network file system's server; its name alone may be known from a while ago.
        """
        try:
            descriptor = self.inside.open(self.claim_path(claim))
        except (FileNotFoundError, Outside):
            return False
        try:
            os.utime(descriptor)
        finally:
            os.close(descriptor)
        return True

    def settle(self, claim: Claim, entry: Entry, state: str) -> bool:
        """Move a claimed arm to `state`, as `entry`; a kill may come at any moment. False if the claim was lost.

        The draft is on the disk first. Renaming the claim to its mark is the moment of truth, which happens once. From
        then on anybody may finish the move, and `finish_moves` does.
        """
        move = Move(claim.name, state, uuid.uuid4().hex[:12])
        draft = self.folder / ACTIVE / move.draft
        atomic.write(draft, to_json(entry), self.root)
        if not self._rename(self.claim_path(claim), self.folder / ACTIVE / move.file):
            self.inside.remove(draft)
            return False
        self._finish(move)
        return True

    def give_back(self, claim: Claim, entry: Entry) -> bool:
        """Make a claimed arm pending again, as `entry`; False when the claim was lost."""
        return self.settle(claim, entry, PENDING)

    def finish_moves(self) -> None:
        """Finish what workers that were killed had begun to move. Anybody may, at any time."""
        for move in self.moves():
            self._finish(move)

    def set_aside(self, state: str, name: str) -> bool:
        """Let the file of a pending or done arm that is none be one that failed, as it is, for somebody to repair."""
        return self._rename(self.path(state, name), self.path(FAILED, name))

    def set_claimed_aside(self, claim: Claim) -> bool:
        """The same for an active arm."""
        return self._rename(self.claim_path(claim), self.path(FAILED, claim.name))

    def put_again(self, entry: Entry, state: str) -> bool:
        """Make an arm that is done or failed pending, as `entry`; False when it is not there. For the driver alone."""
        move = Move(entry.name, PENDING, uuid.uuid4().hex[:12])
        atomic.write(self.folder / ACTIVE / move.draft, to_json(entry), self.root)
        if not self._rename(self.path(state, entry.name), self.folder / ACTIVE / move.file):
            self.inside.remove(self.folder / ACTIVE / move.draft)
            return False
        self._finish(move)
        return True

    def _finish(self, move: Move) -> None:
        """Publish the draft of an arm whose claim is given up. Two that do so at once do no harm: one finds it done."""
        self._rename(self.folder / ACTIVE / move.draft, self.path(move.state, move.name))
        self.inside.remove(self.folder / ACTIVE / move.file)

    def _rename(self, source: Path, target: Path) -> bool:
        """False where `source` is gone; raises FileNotFoundError where the folder of `target` is.

        It does not wait for the disk: an arm that a power cut moves back is claimed again, and its run is complete.
        """
        try:
            self.inside.rename(source, target)
        except FileNotFoundError:
            if self.inside.stat(source):
                raise
            return False
        except OSError as error:
            if error.errno not in IN_THE_WAY or not self.inside.stat(target):
                raise
            # A folder has the name of an arm, or a file stands where somebody else's folder goes: nothing of ours.
            self.inside.rename(target, target.with_name(f".{target.name}.{uuid.uuid4().hex[:6]}"))
            return self._rename(source, target)
        return True

    def _files(self, state: str) -> list[tuple[str, Path]]:
        if state != ACTIVE:
            return [(name, self.path(state, name)) for name in self.names(state)]
        moving = [(move.name, self.folder / ACTIVE / move.draft) for move in self.moves()]
        return [(claim.name, self.claim_path(claim)) for claim in self.claims()] + moving

    def _read(self, path: Path, name: str) -> Entry | None:
        try:
            self.inside.refuse_link(path.parent)
            return records.read(path, name, self._where(path))
        except FileNotFoundError:
            return None
        except Malformed as error:
            return records.unreadable(name, error)
        except OSError as error:
            return None if error.errno in PASSING else records.unreadable(name, error)

    def _where(self, path: Path) -> str:
        return shown(path.relative_to(self.root))
