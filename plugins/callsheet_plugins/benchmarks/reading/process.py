"""The courier's side of the process that reads what a job left: started, asked after, and left behind when it hangs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict
from typing import IO, Any

from callsheet.outbox import Transient
from callsheet.values import dumps
from callsheet_plugins.benchmarks.dispatch.contract import LOG, run_of
from callsheet_plugins.benchmarks.engines import Work
from callsheet_plugins.benchmarks.reading import child, log
from callsheet_plugins.benchmarks.reading.child import SECONDS, Answer
from callsheet_plugins.benchmarks.reading.kept import KEPT_BYTES

MOMENT_SECONDS = 2.0
LOOK_SECONDS = 1.0


class Readings:
    """The readings that are under way, one for each attempt at a job."""

    def __init__(self) -> None:
        self._under_way: dict[str, Reading] = {}

    def answer(self, work: Work, *, scored: bool) -> Answer:
        """What was read, the log's secrets being blanked; raises `Transient` while that goes on."""
        key = str(work.folder)
        if key not in self._under_way:
            self._under_way[key] = Reading(work, scored=scored)
        if (answer := self._under_way[key].answer()) is None:
            raise Transient(f"What {work.name} left is read.", retry_after=LOOK_SECONDS, counts=False)
        del self._under_way[key]
        return answer


class Reading:
    """One such process. `answer` waits for a moment at most, also where a file system does not answer the process."""

    def __init__(self, work: Work, *, scored: bool) -> None:
        self.work = work
        self._end = time.monotonic() + SECONDS
        self._out: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the answer
        try:
            self._process = _started({"work": asdict(work), "scored": scored}, self._out)
        except OSError as error:
            raise Transient(f"What {work.name} left could not be read: no process was started: {error}.") from error

    def answer(self) -> Answer | None:
        """What it found; None while it works."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(MOMENT_SECONDS)
        if self._process.returncode is None and time.monotonic() < self._end:
            return None
        with self._out:
            return self._found() or self._failure()

    def _found(self) -> Answer | None:
        with suppress(ValueError, TypeError):
            return Answer(**json.loads(os.pread(self._out.fileno(), 2 * KEPT_BYTES, 0)))
        return None

    def _failure(self) -> Answer:
        """It ended without an answer, or has not ended: then it is left, because nothing ends what waits for a disk."""
        code = self._process.returncode
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        if not os.pread(self._out.fileno(), 1, 0):
            log.drop(self.work.folder / LOG)
        run = run_of(self.work.folder)
        for name in run.names(self.work.folder):
            if name.startswith(f".{child.PREDICTIONS}."):
                run.remove(self.work.folder / name)
        if code is None or code == -signal.SIGALRM:
            return Answer(malformed=f"reading them took more than {SECONDS} seconds, and was ended.")
        return Answer(malformed=f"the process that read them ended with exit code {code}.")


def _started(task: dict[str, Any], out: IO[bytes]) -> subprocess.Popen[bytes]:
    with tempfile.TemporaryFile() as given:
        given.write(dumps(task).encode())
        given.seek(0)
        return subprocess.Popen(
            [sys.executable, "-m", child.__name__],
            stdin=given,
            stdout=out,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            # pyarrow's own allocators reserve more than the process may have.
            env={**os.environ, "PYTHONSAFEPATH": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"},
        )
