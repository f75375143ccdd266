"""What Slurm knows of this user's jobs, asked for once in a while for all of them together."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock

from callsheet.outbox import Transient
from callsheet_plugins.benchmarks.dispatch.contract import Attempt
from callsheet_plugins.benchmarks.dispatch.slurm import commands
from callsheet_plugins.benchmarks.dispatch.slurm.submission import submission_of

FRESH_SECONDS = 5.0
UNREACHABLE_SECONDS = 5.0  # a controller that is down takes ten seconds to be missed: once is enough for all jobs
FIELDS = "%A|%T|%r|%j|%Z"


@dataclass(frozen=True)
class Row:
    """One job, as squeue lists it."""

    id: str
    state: str
    reason: str
    name: str
    folder: str


class Queue:
    """One squeue for a thousand jobs; may be asked from several threads."""

    def __init__(self, timeout_seconds: float) -> None:
        self.timeout_seconds = timeout_seconds
        self._rows: dict[tuple[str, str], list[Row]] = {}  # by name and folder
        self._failure = ""
        self._asked = float("-inf")
        self._lock = Lock()

    def of(self, attempt: Attempt, *, within: float | None = None) -> list[Row]:
        """The jobs that were submitted for it, oldest first, as they were `within` so many seconds."""
        rows = self._read(FRESH_SECONDS if within is None else within)
        submission = submission_of(attempt.folder)
        return rows.get((submission.name, submission.folder), []) if submission else []

    def insist_reachable(self) -> None:
        """Raise `Transient` when the controller was missed a moment ago."""
        if self._failure and time.monotonic() - self._asked < UNREACHABLE_SECONDS:
            raise Transient(self._failure)

    def missed(self, why: str) -> None:
        """Somebody could not reach the controller."""
        self._failure, self._asked = why, time.monotonic()

    def _read(self, within: float) -> dict[tuple[str, str], list[Row]]:
        with self._lock:
            self.insist_reachable()
            if time.monotonic() - self._asked >= within:
                try:
                    found = sorted(self._ask(), key=lambda row: int(row.id))
                except Transient as error:
                    self.missed(str(error))
                    raise
                self._rows = defaultdict(list)
                for row in found:
                    self._rows[row.name, row.folder].append(row)
                self._failure, self._asked = "", time.monotonic()
            return self._rows

    def _ask(self) -> Iterator[Row]:
        argv = ["squeue", "--noheader", "--states=all", f"--user={os.getuid()}", f"--format={FIELDS}"]
        answer = commands.require(commands.run(argv, self.timeout_seconds), "squeue")
        for line in answer.out.splitlines():
            parts = line.split("|", 4)  # other jobs may have names with bars or line breaks, ours do not
            if len(parts) == 5 and parts[0].isdigit():
                yield Row(*parts)
