"""Carries out the entries of trackers: one follower for each tracker, for as long as the run writes."""

from __future__ import annotations

import logging
import shlex
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from callsheet.errors import CallsheetError
from callsheet.outbox import handlers
from callsheet.outbox.entries import Entry
from callsheet.outbox.handlers import Delivery, Handler, Parked, Permanent, Transient
from callsheet.outbox.store import ACTIVE, DONE, PENDING, EntryStore
from callsheet.rundir.liveness import holder_of
from callsheet.rundir.rundir import TRAINING, WAITING, RunDir
from callsheet.secrets import redact_text
from callsheet.tracking.courier.child import Child

logger = logging.getLogger("callsheet.courier")

KIND = "tracker"
TICK_SECONDS = 0.2
LOOK_SECONDS = 1.0
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # seconds between two tries while the run trains
LONGEST_AT_THE_END = 5.0  # and once it is over, when somebody waits
DRAIN_SECONDS = 60.0  # that a drain waits for a tracker at least: its process and package take a while to start
STALLED_SECONDS = 600.0  # without a sign while the run trains; packages retry by themselves for minutes


@dataclass
class Turn:
    """What is known of one tracker in this courier, over all its entries: one of them is in charge, the newest."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    entries: list[tuple[float, str]] = field(default_factory=list)
    child: Child | None = None
    failures: int = 0
    retry_at: float = 0.0
    error: str = ""
    sent: int = 0
    progress: float = 0.0  # or since when the run is over
    is_over: bool = False
    is_ending: bool = False  # all is sent, and a follower was told so: to be idle is no progress any more


class TrackerHandler(Handler):
    """Follows the run until it is over and nothing else is left to be told, or its deadline has passed."""

    follows = True
    parallel: ClassVar[int] = 64

    def __init__(self, run_dir: Path) -> None:
        super().__init__(run_dir)
        self._turns: dict[str, Turn] = defaultdict(Turn)
        self._making = threading.Lock()

    def deliver(self, job: Delivery) -> Mapping[str, Any]:
        """Raises `Transient` when its follower failed, `Parked` at the deadline, `Permanent` for a mistake."""
        with self._making:
            turn = self._turns[str(job.payload.get("tracker"))]
        with _in_line(turn, job.entry), turn.lock:
            return _Watch(self.run_dir, job, turn).watch()


class _Watch:
    """One entry in charge of its tracker."""

    def __init__(self, run_dir: Path, job: Delivery, turn: Turn) -> None:
        self.run_dir, self.job, self.turn = run_dir, job, turn
        self.tracker = str(job.payload.get("tracker"))
        self.deadline = float(job.payload.get("deadline_seconds", 60.0))
        self.begin = {name: job.payload.get(name) for name in ("tracker", "settings", "run_id")}
        self._began = time.monotonic()
        self._looked = 0.0
        self._others = True

    def watch(self) -> Mapping[str, Any]:
        self._part_with_another()
        if not self.turn.error:  # else it is tried again
            self.turn.progress, self.turn.is_ending = time.monotonic(), False
        while True:
            if newer := self._newer():
                return {"went_on_in": newer}
            self._see_whether_over()
            if (child := self.turn.child) is None:
                self._start()
            elif not child.lives:
                return self._over(child)
            else:
                self._attend(child)
            if self._is_late():
                raise Parked(self._give_up())
            time.sleep(TICK_SECONDS)

    def _newer(self) -> str:
        mine = (self.job.entry.put_at, self.job.entry.id)
        return max(self.turn.entries)[1] if max(self.turn.entries) > mine else ""

    def _part_with_another(self) -> None:
        """An attempt may have other settings than the one before, whose follower then ends."""
        if (child := self.turn.child) and child.begin["settings"] != self.begin["settings"]:
            self.turn.child = None
            child.leave()
            child.wait()

    def _start(self) -> None:
        if time.monotonic() < self.turn.retry_at:
            return
        try:
            self.turn.child = Child(self.run_dir, self.begin)
        except OSError as error:
            raise Transient(f"The process of {self.tracker} could not be started: {error}.") from error

    def _attend(self, child: Child) -> None:
        """Note that it gets on, and tell it when the run is over and all is told."""
        if (gets_on := self._gets_on(child)) > self.turn.progress:
            self.turn.progress, self.turn.failures, self.turn.error = gets_on, 0, ""
        if self.turn.is_over and not self._others_are_left():
            self.turn.is_ending = True
            child.finish(_status(self.run_dir))
        elif time.monotonic() - max(self.turn.progress, self._began) > STALLED_SECONDS:
            child.kill()

    def _gets_on(self, child: Child) -> float:
        """When it got on: not by sending once more what a follower before it has sent, and failed to make safe."""
        if child.sent > self.turn.sent:
            self.turn.sent = child.sent
            return time.monotonic()
        return 0.0 if self.turn.is_ending else child.idle_at

    def _over(self, child: Child) -> Mapping[str, Any]:
        """The follower has ended: with the run, or too early."""
        self.turn.child = None
        if child.ended is not None:
            child.wait()
            return {"status": child.ended, "ids": child.ids}
        said = redact_text(child.said())
        if child.is_for_good:
            raise Permanent(f"{self.tracker}: {said}", "")
        self.turn.failures += 1
        self.turn.error = said
        longest = LONGEST_WAIT if not self.turn.is_over else LONGEST_AT_THE_END
        wait = min(longest, FIRST_WAIT * 2.0 ** min(self.turn.failures - 1, 10))
        self.turn.retry_at = time.monotonic() + wait
        # The entry comes back at once, so that it shows the error, and waits in this thread, which sees the run end.
        raise Transient(f"{self.tracker}: {said}", retry_after=0.0)

    def _see_whether_over(self) -> None:
        if not self.turn.is_over and (self.job.run_is_gone() or _waits(self.run_dir)):
            self.turn.is_over, self.turn.progress, self.turn.retry_at = True, time.monotonic(), 0.0

    def _is_late(self) -> bool:
        return self.turn.is_over and time.monotonic() - self.turn.progress > self._patience()

    def _patience(self) -> float:
        """Its deadline, while a run waits, which may cost GPUs; a drain was asked for, and waits longer."""
        return self.deadline if _doing(self.run_dir) == WAITING else max(self.deadline, DRAIN_SECONDS)

    def _give_up(self) -> str:
        if child := self.turn.child:
            child.kill()
            self.turn.error, self.turn.child = redact_text(child.failed) or self.turn.error, None
        last = f". The last error: {self.turn.error}" if self.turn.error else ""  # which may be long, and is cut
        return (
            f"{self.tracker} took nothing for {self._patience():g} s; what is left is sent by: "
            f"callsheet outbox drain {shlex.quote(str(self.run_dir))}{last}"
        )

    def _others_are_left(self) -> bool:
        """Whether something may still come: an entry that is not carried out, or not announced, by whoever waits."""
        if self.job.run_is_gone():
            return False
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            self._looked = time.monotonic()
            self._others = any(not handlers.follows(entry.kind) for entry in self._unsettled())
        return self._others

    def _unsettled(self) -> Iterator[Entry]:
        store = EntryStore(self.run_dir)
        yield from self.job.entries(PENDING, ACTIVE, PENDING)
        announced = self.job.announced()
        for id in store.ids(DONE):
            if id not in announced and (entry := store.read(DONE, id)):
                yield entry


@contextmanager
def _in_line(turn: Turn, entry: Entry) -> Iterator[None]:
    mine = (entry.put_at, entry.id)
    turn.entries.append(mine)
    try:
        yield
    finally:
        turn.entries.remove(mine)


def _waits(run_dir: Path) -> bool:
    """Whether whoever has the run directory trains no more: it waits for its outbox, or drains one."""
    return _doing(run_dir) not in ("", TRAINING)


def _doing(run_dir: Path) -> str:
    holder = holder_of(run_dir)
    return holder.doing if holder else ""


def _status(run_dir: Path) -> str:
    try:
        status = str(RunDir(run_dir, is_main=False).run().get("status", ""))
    except CallsheetError:
        return "killed"
    return "killed" if status in ("", "running") else status
