"""How an arm has ended, by the exit code of its process, by its run's record, and by the last lines of its log."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from callsheet.disk import regular
from callsheet.errors import CallsheetError
from callsheet.experiments.places import DONE, FAILED, PENDING
from callsheet.experiments.queue import Entry
from callsheet.experiments.queue.records import COMPLETED, INTERRUPTED, KILLED, STOPPED
from callsheet.experiments.queue.records import FAILED as HAS_FAILED
from callsheet.launch.failures import tells_of_kill
from callsheet.outbox.counts import NOT_ALL_PUBLISHED, counts_of, sentence
from callsheet.rundir.again.reuse import OVER
from callsheet.rundir.rundir import RunDir
from callsheet.secrets import redact_text

MOST_KILLED = 2  # attempts that something other than their worker ends, before the arm counts as failed
TAIL = 4096  # bytes of a log
SAID_MAX = 2000  # characters of a log that go into the record


@dataclass(frozen=True)
class Ending:
    """What becomes of an arm: its `state` in the queue, its `status`, and why."""

    state: str
    status: str
    error: str | None = None
    remark: str | None = None


def over(run_dir: Path) -> Ending | None:
    """The ending of a run that is complete, whatever became of its worker; None for another, or none at all."""
    status = _run(run_dir).get("status")
    if status not in OVER:
        return None
    return Ending(DONE, str(status), remark=_unpublished(run_dir))


@dataclass(frozen=True)
class Log:
    """What the process of one attempt wrote: the file `path`, from `start` on."""

    path: Path
    start: int = 0

    @classmethod
    def beginning(cls, path: Path) -> Log:
        """The log of a process that is about to start: what stands there by now, attempts before it have said."""
        try:
            return cls(path, path.lstat().st_size)
        except OSError:
            return cls(path)


def of(code: int, run_dir: Path, log: Log, entry: Entry, stopped_by: int | None) -> Ending:
    """The ending of a process that ended with `code`, negative after a signal; `stopped_by` is what its worker got.

    A launcher says with 1 that a signal has ended a rank: that is as if it had ended the only process of a run.
    """
    if code in (0, NOT_ALL_PUBLISHED):
        status = STOPPED if _run(run_dir).get("status") == STOPPED else COMPLETED
        return Ending(DONE, status, remark=_unpublished(run_dir))
    signum = -code if code < 0 else code - 128 if code > 128 else None
    said = _killed(signum) if signum else _why(log)
    if signum is None and not tells_of_kill(said):
        return Ending(FAILED, HAS_FAILED, said or f"Its process ended with exit code {code}.")
    if stopped_by is not None:
        return Ending(PENDING, INTERRUPTED, f"Its worker was stopped by {name_of(stopped_by)}.")
    if _killed_before(entry) + 1 < MOST_KILLED:
        return Ending(PENDING, KILLED, said)
    return Ending(FAILED, HAS_FAILED, f"{said} That happened {MOST_KILLED} times.")


def exit_code(code: int) -> int:
    """The code that a shell would show."""
    return 128 - code if code < 0 else code


def name_of(signum: int) -> str:
    try:
        return signal.Signals(signum).name
    except ValueError:
        return f"signal {signum}"


def _killed(signum: int) -> str:
    rest = ", as the system does when memory runs out" if signum == signal.SIGKILL else ""
    return f"Its process was ended by {name_of(signum)}, which its worker had not sent{rest}."


def _killed_before(entry: Entry) -> int:
    """The attempts that somebody else's signal has ended, since the arm has last failed and was begun anew."""
    since = takewhile(lambda attempt: attempt.status != HAS_FAILED, reversed(entry.attempts))
    return sum(attempt.status == KILLED for attempt in since)


def _run(run_dir: Path) -> dict[str, object]:
    try:
        return RunDir(run_dir, is_main=False).run()
    except CallsheetError:
        return {}


def _unpublished(run_dir: Path) -> str | None:
    try:
        return sentence(counts_of(run_dir), run_dir) or None
    except (CallsheetError, OSError):
        return None


def _why(log: Log) -> str:
    """What its process said last, in its own words if it is one of ours."""
    lines = [*_last_lines(log)]
    ours = next((number for number, line in enumerate(lines) if line.startswith("callsheet: ")), None)
    said = "\n".join(lines[ours:]) if ours is not None else "".join(lines[-1:])
    return redact_text(said.removeprefix("callsheet: "))[:SAID_MAX]


def _last_lines(log: Log) -> Iterator[str]:
    try:
        with os.fdopen(regular.open_regular(log.path), "rb") as file:
            file.seek(max(log.start, os.fstat(file.fileno()).st_size - TAIL))
            text = file.read(TAIL).decode("utf-8", "replace")
    except OSError:
        return
    yield from (line for line in text.splitlines() if line.strip())
