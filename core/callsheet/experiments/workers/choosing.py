"""Which arm a worker claims next: the first pending one that may begin, by the names of files as far as they say it."""

from __future__ import annotations

import time
from dataclasses import replace

from callsheet.errors import CallsheetError, listed
from callsheet.experiments.places import ACTIVE, DONE, FAILED, PENDING
from callsheet.experiments.queue import Claim, Entry, Queue
from callsheet.experiments.queue.directory import Experiment
from callsheet.experiments.queue.records import SKIPPED, UNREADABLE
from callsheet.experiments.workers.budget import Purse

FRESH = 1.0  # seconds for which a list of pending arms is used: of 10,000, it takes a twentieth of a second


class Choosing:
    """Claims arms for `worker`. What an arm comes after never changes, so each file is read once."""

    def __init__(self, queue: Queue, experiment: Experiment, worker: str) -> None:
        self.queue, self.worker = queue, worker
        self.purse = Purse(queue, experiment)
        self._order = experiment.order
        self._after: dict[str, str | None] = {}
        self._number = 0
        self._listed: list[str] = []
        self._listed_at = 0.0

    def next(self) -> tuple[Claim, Entry] | None:
        """Claim an arm; None where none may begin now. Arms whose stage before has failed are skipped for good."""
        if self.purse.is_out_of_time():
            return None
        if time.monotonic() - self._listed_at < FRESH and (found := self._first(self._listed)):
            return found
        self._listed, self._listed_at = self.pending(), time.monotonic()
        return self._first(self._listed)

    def look_again(self) -> None:
        """Let the next arm be the first of all that are pending by then, also one that was given back just now."""
        self._listed = []

    def _first(self, names: list[str]) -> tuple[Claim, Entry] | None:
        """Claim the first of `names` that may begin, and drop those that are nobody's to claim any more."""
        over: dict[str, str] | None = None
        for name in self.purse.allowed(names):
            if not self._is_known(name):
                continue
            after = self._after[name]
            if after is not None:
                over = over or self._over()
                if (state := over.get(after)) != DONE:
                    self._skip_if_hopeless(name, after, state)
                    continue
            names.remove(name)
            if claimed := self._claim(name):
                return claimed
        return None

    def pending(self) -> list[str]:
        """In the order of the experiment; arms that were added later follow, by name."""
        return sorted(self.queue.names(PENDING), key=lambda name: (self._order.get(name, len(self._order)), name))

    def may_become_ready(self) -> bool:
        """Whether an arm waits for one that is at work. Raises `CallsheetError` for arms that wait in a circle."""
        if self.purse.is_out_of_time():
            return False
        pending = self.purse.allowed(self.pending())
        if not pending or self.queue.names(ACTIVE):
            return bool(pending)
        over = self._over()
        if all(self._after.get(name) in pending for name in pending) and not {*over} & {*pending}:
            raise CallsheetError(f"These arms wait for each other, and none can begin: {listed(pending)}.")
        return True  # it has moved meanwhile

    def _is_known(self, name: str) -> bool:
        """Read what an arm comes after; a file that is none goes out of the way, and harms no other arm."""
        if name in self._after:
            return True
        entry = self.queue.read(PENDING, name)
        if entry and entry.status == UNREADABLE:
            self.queue.set_aside(PENDING, name)
        elif entry:
            self._after[name] = entry.after
        return name in self._after

    def _over(self) -> dict[str, str]:
        return {name: state for state in (FAILED, DONE) for name in self.queue.names(state)}

    def _claim(self, name: str) -> tuple[Claim, Entry] | None:
        self._number += 1
        claim = self.queue.claim(name, self.worker, self._number)
        entry = self.queue.read_claimed(claim) if claim else None
        if claim is None or entry is None:
            return None
        if entry.status == UNREADABLE:
            self.queue.set_claimed_aside(claim)
        elif not self.purse.spend(name):
            self.queue.give_back(claim, entry)
        else:
            return claim, entry
        return None

    def _skip_if_hopeless(self, name: str, after: str, state: str | None) -> None:
        if state is None and self.queue.state_of(after) is not None:
            return
        said = "failed" if state == FAILED else "is no arm of this experiment"
        self._number += 1
        if claim := self.queue.claim(name, self.worker, self._number):
            entry = self.queue.read_claimed(claim)
            error = f"{after} {said}, and this arm begins with its final weights."
            if entry:
                self.queue.settle(claim, replace(entry, status=SKIPPED, error=error), FAILED)
