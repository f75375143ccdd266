"""What became of a job whose own file does not say."""

from __future__ import annotations

import re
import time

from callsheet.outbox import Parked, Transient
from callsheet_plugins.benchmarks.dispatch.contract import Attempt, Seen
from callsheet_plugins.benchmarks.dispatch.slurm import commands
from callsheet_plugins.benchmarks.dispatch.slurm.queue import Queue, Row
from callsheet_plugins.benchmarks.dispatch.slurm.states import ACTIVE, LOST, WAITING, why_lost
from callsheet_plugins.benchmarks.dispatch.status import Status

FORGOTTEN = "Slurm no longer knows its job, and its file never came"
MOMENT_SECONDS = 1.0
# The job's last word may still be on its way, or the node may live on, where only the controller does not see it.
UNSURE = ("FAILED", "NODE_FAIL", "COMPLETED")


class Watch:
    """Asks squeue for all jobs at once, and sacct, where there is accounting, for one that squeue forgot."""

    def __init__(self, queue: Queue, timeout_seconds: float, grace_seconds: float) -> None:
        self.queue = queue
        self.timeout_seconds, self.grace_seconds = timeout_seconds, grace_seconds
        self._silent: dict[str, tuple[float, float]] = {}  # attempt → its last beat, and since when we know that one
        self._has_accounting = True

    def see(self, attempt: Attempt, handle: str, status: Status) -> Seen:
        row = self._row(attempt, status.job or handle, within=0.0 if status.ended else MOMENT_SECONDS)
        if row and row.state in WAITING:
            return Seen("waiting", f"Slurm says {row.state}, {row.reason}" if row.reason != "None" else "")
        if row and row.state in ACTIVE:
            return Seen("running")
        state, exit_code = (row.state, self._exit_code(row)) if row else self._accounted(status.job or handle)
        if state in LOST and (status.ended or state not in UNSURE):
            return Seen("lost", why_lost(state, exit_code))
        if status.ended:
            told = "it was told to stop" if status.state == "terminated" else ""
            return Seen("lost", told) if told else Seen("ended")
        return self._after_grace(attempt, status, _reason(state, exit_code))

    def _row(self, attempt: Attempt, id: str, within: float) -> Row | None:
        """Its job: one that lives, should there be two; numbers alone may begin anew when Slurm is installed again."""
        # One that is not among them may have been submitted since.
        rows = self.queue.of(attempt) or self.queue.of(attempt, within=within)
        alive = [row for row in rows if row.state in WAITING | ACTIVE]
        return next(iter(alive or [row for row in rows if row.id == id] or rows[-1:]), None)

    def _after_grace(self, attempt: Attempt, status: Status, reason: str) -> Seen:
        """Lost when its file has not changed for long enough; by our clock, since the node's may differ."""
        beat, since = self._silent.get(attempt.name, (-1.0, 0.0))
        if beat != status.beat:
            since = time.monotonic()
            self._silent[attempt.name] = (status.beat, since)
        if time.monotonic() - since < self.grace_seconds:
            return Seen("running", "its file is waited for")
        return Seen("lost", reason)

    def _exit_code(self, row: Row) -> str:
        """Best effort: only to say it."""
        if row.state != "FAILED":
            return ""
        try:
            said = commands.run(["scontrol", "show", "job", row.id], self.timeout_seconds).out
        except (Transient, Parked):
            return ""
        found = re.search(r"ExitCode=(\d+:\d+)", said)
        return found[1] if found else ""

    def _accounted(self, id: str) -> tuple[str, str]:
        """State and exit code by the accounting database, or nothing where there is none."""
        if not self._has_accounting or not id.isdigit():
            return "", ""
        argv = ["sacct", "--noheader", "--parsable2", "--allocations", f"--jobs={id}", "--format=State,ExitCode"]
        try:
            answer = commands.run(argv, self.timeout_seconds)
        except (Transient, Parked):
            return "", ""
        self._has_accounting = answer.code == 0 or "disabled" not in answer.said
        state, _, exit_code = answer.out.partition("\n")[0].partition("|")
        return (state.split()[0], exit_code) if state.strip() else ("", "")  # it says "CANCELLED by 1000"


def _reason(state: str, exit_code: str) -> str:
    if state == "COMPLETED":
        return "it ended, and its file never came"
    return f"{why_lost(state, exit_code)}, and its file never came" if state in LOST else FORGOTTEN
