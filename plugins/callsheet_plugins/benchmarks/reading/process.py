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
from callsheet.secrets import redact_text
from callsheet.values import dumps
from callsheet_plugins.benchmarks.dispatch.contract import LOG, run_of
from callsheet_plugins.benchmarks.engines import Work
from callsheet_plugins.benchmarks.reading import child, log
from callsheet_plugins.benchmarks.reading.child import SAID, SECONDS, Answer
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
        reading = self._under_way.pop(key)
        if answer := reading.answer():
            return answer
        self._under_way[key] = reading
        raise Transient(f"What {work.name} left is read.", retry_after=LOOK_SECONDS, counts=False)


class Reading:
    """One such process. `answer` waits for a moment at most, also where a file system does not answer the process."""

    def __init__(self, work: Work, *, scored: bool) -> None:
        self.work = work
        self._end = time.monotonic() + SECONDS
        try:
            self._out = _file()
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
            return Answer(**json.loads(self._said()))
        return None

    def _failure(self) -> Answer:
        """It ended without an answer, or has not ended: then it is left, because nothing ends what waits for a disk."""
        code = self._process.returncode
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        if not self._said().startswith(child.LOG_IS_BLANK):
            log.drop(self.work.folder / LOG)
        run = run_of(self.work.folder)
        for name in run.names(self.work.folder):
            if name.startswith(f".{child.PREDICTIONS}."):
                run.remove(self.work.folder / name)
        if code is None or code == -signal.SIGALRM:
            return Answer(malformed=f"reading them took more than {SECONDS} seconds, and was ended.")
        return Answer(malformed=f"the process that read them ended with exit code {code}{self._said_last()}.")

    def _said_last(self) -> str:
        """What a process printed that did not get as far as reading."""
        said = self._said().decode("utf-8", "replace").strip()
        return f": {redact_text(said.splitlines()[-1])[:SAID]}" if said else ""

    def _said(self) -> bytes:
        size = os.fstat(self._out.fileno()).st_size
        return os.pread(self._out.fileno(), min(size, 2 * KEPT_BYTES), 0)


def _file() -> IO[bytes]:
    """A file without a name, in memory where the system has such: the disk may be full."""
    return os.fdopen(os.memfd_create("callsheet"), "w+b") if hasattr(os, "memfd_create") else tempfile.TemporaryFile()


def _started(task: dict[str, Any], out: IO[bytes]) -> subprocess.Popen[bytes]:
    with _file() as given:
        given.write(dumps(task).encode())
        given.seek(0)
        return subprocess.Popen(
            [sys.executable, "-m", child.__name__],
            stdin=given,
            stdout=out,
            stderr=out,
            start_new_session=True,
            # pyarrow's own allocators reserve more than the process may have.
            env={**os.environ, "PYTHONSAFEPATH": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"},
        )
