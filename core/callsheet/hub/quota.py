"""The Hub's limit on commits per hour: commits are counted, and when they run short the newest revision goes first."""

from __future__ import annotations

import json
import time
from pathlib import Path
from threading import Lock
from typing import ClassVar

from callsheet.disk import typed
from callsheet.errors import counted
from callsheet.outbox import Delivery, Entry, Transient
from callsheet.rundir import atomic

HOUR = 3600.0


class Quota:
    """The times of the last hour's commits, per repository, in a file that outlives the courier.

    Each call reads the file again, because one handler publishes and another writes scores, in threads of one process.
    """

    _lock: ClassVar[Lock] = Lock()

    def __init__(self, path: Path) -> None:
        self.path = path

    def wait_or_pass(self, job: Delivery) -> str | None:
        """Raise `Transient` if it is not this entry's turn; return the id of a newer entry if that one replaces it.

        While commits are left, every entry passes. When none is left, all wait, and the newest passes first.
        """
        recent, allowed = self._recent(job.payload["repo"]), int(job.payload["commits_per_hour"])
        if len(recent) < allowed - 1:
            return None
        newer = sorted((entry for entry in job.queued() if _passes(entry, job.entry)), key=_step)
        if len(recent) >= allowed:
            if newer and job.payload["coalesce"] and not job.payload["final"]:
                return newer[-1].id
            free_at = recent[-allowed] + HOUR
            said = f"{counted(len(recent), 'commit')} in the last hour."
            raise Transient(said, retry_after=free_at - time.time(), counts=False)
        if newer and newer[-1].not_before <= time.time():
            raise Transient("A newer revision goes first.", retry_after=1.0, counts=False)
        return None

    def spent(self, repo: str) -> None:
        """Count one commit."""
        with self._lock:
            times = self._times()
            known = {**times, repo: [*_of_an_hour(times.get(repo, [])), time.time()]}
            atomic.write(self.path, json.dumps(known) + "\n", self.path.parents[1])

    def _recent(self, repo: str) -> list[float]:
        return _of_an_hour(self._times().get(repo, []))

    def _times(self) -> dict[str, list[float]]:
        try:
            return typed.read(self.path, dict[str, list[float]])
        except (OSError, ValueError):
            return {}


def _of_an_hour(times: list[float]) -> list[float]:
    """Those of a clock that was set back by more than an hour since are left out: nobody knows when they were."""
    return [moment for moment in times if abs(time.time() - moment) < HOUR]


def _passes(entry: Entry, other: Entry) -> bool:
    """Whether `entry` is a later step of the same weights; the time of `put` does not count."""
    return entry.payload.get("weights") == other.payload.get("weights") and _step(entry) > _step(other)


def _step(entry: Entry) -> int:
    step = entry.payload.get("step")  # of any entry of this kind, which may be malformed
    return step if isinstance(step, int) else 0
