"""Entries that wait for their turn: oldest first within a kind, none before it is due."""

from __future__ import annotations

import heapq
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from threading import Lock

from callsheet.outbox.courier.backoff import LONGEST_ASKED
from callsheet.outbox.entries import Entry


class DueQueue:
    """A queue whose every step is logarithmic in its length; used from several threads.

    What is here waits by a clock that nobody sets: the time of day may jump by hours.
    """

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._later: list[tuple[float, str]] = []
        self._ready: dict[str, list[tuple[float, str]]] = defaultdict(list)
        self._busy: Counter[str] = Counter()
        self._working: dict[str, str] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, id: str) -> bool:
        return id in self._entries or id in self._working

    @property
    def working(self) -> int:
        """How many were popped and not yet released."""
        return len(self._working)

    def busy(self) -> Mapping[str, int]:
        """How many of each kind were popped and not yet released."""
        return dict(self._busy)

    def push(self, entry: Entry) -> None:
        """Add an entry; one that is here already, or in work, stays as it is."""
        with self._lock:
            if entry.id not in self:
                self._add(entry)

    def pop(self, limit: Callable[[str], int]) -> Entry | None:
        """The entry to start now, of a kind that has less than `limit(kind)` in work; the caller releases it later."""
        with self._lock:
            while self._later and self._later[0][0] <= time.monotonic():
                entry = self._entries[heapq.heappop(self._later)[1]]
                heapq.heappush(self._ready[entry.kind], (entry.put_at, entry.id))
            open_kinds = [kind for kind, ids in self._ready.items() if ids and self._busy[kind] < limit(kind)]
            if not open_kinds:
                return None
            kind = min(open_kinds, key=lambda kind: self._ready[kind][0])
            entry = self._entries.pop(heapq.heappop(self._ready[kind])[1])
            self._busy[kind] += 1
            self._working[entry.id] = kind
            return entry

    def release(self, id: str, later: Entry | None = None) -> None:
        """End the work on an entry; `later` is what waits again."""
        with self._lock:
            self._busy[self._working.pop(id)] -= 1
            if later:
                self._add(later)

    def seconds_to_next(self) -> float:
        """Until an entry becomes due; infinity when none will."""
        with self._lock:
            return self._later[0][0] - time.monotonic() if self._later else float("inf")

    def of_kind(self, kind: str) -> list[Entry]:
        """What waits of one kind, oldest first."""
        with self._lock:
            return sorted((e for e in self._entries.values() if e.kind == kind), key=lambda entry: entry.put_at)

    def _add(self, entry: Entry) -> None:
        self._entries[entry.id] = entry
        heapq.heappush(self._later, (time.monotonic() + _wait(entry), entry.id))


def _wait(entry: Entry) -> float:
    """The seconds until it is due. A wait that nobody can have asked for says that the clock was set back: none."""
    wait = max(entry.not_before - time.time(), 0.0)
    return wait if wait <= 2 * LONGEST_ASKED else 0.0
