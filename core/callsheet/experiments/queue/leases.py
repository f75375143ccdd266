"""Which claims are nobody's any more, and giving their arms back; no clock of a host is compared with another's."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path

from callsheet.disk.descent import Outside
from callsheet.disk.inside import Inside
from callsheet.experiments import places
from callsheet.experiments.queue import holders
from callsheet.experiments.queue.claims import Claim
from callsheet.experiments.queue.holders import Holder
from callsheet.experiments.queue.records import FAILED, LOST, UNREADABLE, Attempt
from callsheet.experiments.queue.store import Queue
from callsheet.rundir.rundir import now

DIED = "The worker was killed, or its machine failed: it left no word."
MOST_LOST = 25  # attempts in a row whose workers died: such an arm takes them with it
TOO_OFTEN = f"{MOST_LOST} workers in a row died while they worked on it."
SILENT = "The worker gave no sign of life for {seconds:g} s."


@dataclass(frozen=True)
class Lease:
    """How often a worker says that it lives, and after how long a silence its arms are taken away; in seconds.

    The limit is longer than the minute for which a network file system may remember the times of a file. All workers
    of an experiment need the same one.
    """

    beat: float = 5.0
    limit: float = 300.0

    @property
    def of_processes(self) -> float:
        """How long the process of an arm outlives the last sign of life: it ends before another can begin the arm."""
        return self.limit * 0.8


class Watch:
    """Looks after the claims of others, on behalf of `me`, whose file's time is the time of the file system."""

    def __init__(self, queue: Queue, me: str, lease: Lease) -> None:
        self.queue, self.me, self.lease = queue, me, lease
        self._known: dict[str, Holder] = {}
        self._seen: dict[Claim, tuple[float, float]] = {}  # the last sign of life, and since when it was the last

    def give_back_lost(self) -> list[str]:
        """Make the arms pending whose workers are gone; returns their names. Of several who try, one does each."""
        self.queue.finish_moves()
        lost = [(claim, why) for claim in self._of_others() if (why := self._why_lost(claim))]
        return [claim.name for claim, why in lost if self._give_back(claim, why)]

    def is_uneasy(self) -> bool:
        """Whether an arm may soon come back: somebody who holds one is dead, or was not heard for three beats."""
        claims = self._of_others()
        silent = any(self._silence(claim) > 3 * self.lease.beat for claim in claims)
        return silent or any(map(holders.is_dead, filter(None, map(self._holder, claims))))

    def _of_others(self) -> list[Claim]:
        claims = self.queue.claims()
        self._seen = {claim: seen for claim, seen in self._seen.items() if claim in claims}
        return [claim for claim in claims if claim.worker != self.me]

    def _why_lost(self, claim: Claim) -> str:
        """Why a claim is nobody's any more; empty for one that is somebody's, or may be."""
        if self._is_gone(claim.worker):
            return DIED
        if self._silence(claim) > self.lease.limit and self._watched(claim) > 3 * self.lease.beat:
            return SILENT.format(seconds=self.lease.limit)
        return ""

    def _silence(self, claim: Claim) -> float:
        """Seconds since the holder was heard, both times being the file system's."""
        heard = self._heard(claim)
        if heard is None:
            return 0.0
        if self._seen.get(claim, (None, 0.0))[0] != heard:
            self._seen[claim] = (heard, time.monotonic())
        return self._time() - heard

    def _watched(self, claim: Claim) -> float:
        """Seconds for which this process saw no change: after an outage of the file system, all were silent."""
        return time.monotonic() - self._seen[claim][1] if claim in self._seen else 0.0

    def _heard(self, claim: Claim) -> float | None:
        try:
            descriptor = self.queue.inside.open(self.queue.claim_path(claim))
        except (FileNotFoundError, Outside):
            return None
        try:
            return os.fstat(descriptor).st_mtime
        finally:
            os.close(descriptor)

    def _time(self) -> float:
        """The time by the clock that stamps files here."""
        return time_of(self.queue.root, self.me)

    def _is_gone(self, worker: str) -> bool:
        """By what was read of it before, and if that is so, by what its file says now: it may have another keeper."""
        known = self._known.get(worker)
        if known and not holders.is_gone(known):
            return False
        holder = holders.read(self.queue.root, worker)
        if holder:
            self._known[worker] = holder
        return bool(holder and holders.is_gone(holder))

    def _holder(self, claim: Claim) -> Holder | None:
        return self._known.get(claim.worker)

    def _give_back(self, claim: Claim, why: str) -> bool:
        entry = self.queue.read_claimed(claim)
        if entry is None:
            return False
        if entry.status == UNREADABLE:
            return self.queue.set_claimed_aside(claim)
        holder = holders.read(self.queue.root, claim.worker)
        ours = holder if holder and holder.arm == claim.name else None
        attempt = Attempt(
            claim.worker,
            holder.host if holder else "",
            holder.process.pid if holder else 0,
            (ours.arm_since if ours else None) or now(),
            ended=now(),
            status=LOST,
            error=why,
        )
        entry = replace(entry, attempts=(*entry.attempts, attempt))
        if len([*takewhile(lambda each: each.status == LOST, reversed(entry.attempts))]) < MOST_LOST:
            return self.queue.give_back(claim, entry)
        return self.queue.settle(claim, replace(entry, status=FAILED, error=TOO_OFTEN), places.FAILED)


def time_of(root: Path, worker: str) -> float:
    """The time by the clock that stamps the files of an experiment, in seconds: that of the server, where there is one.

    It is asked by touching the file of the worker that asks.
    """
    descriptor = Inside(root).open(holders.path_of(root, worker), os.O_RDWR | os.O_CREAT)
    try:
        os.utime(descriptor)
        return os.fstat(descriptor).st_mtime
    finally:
        os.close(descriptor)
