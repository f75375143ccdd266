"""A follower as the courier sees it: a process that is told what to do, and says how far it is."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from callsheet.process.machine import descendants, kill_all
from callsheet.secrets import redact_text

logger = logging.getLogger("callsheet.courier")

LAST_LINES = 20
MOST_LOGGED = 500  # lines of what a package prints
LONGEST_LINE = 2_000
END_SECONDS = 10.0  # from its last word to the end of the process


class Child:
    """`sent` is how far it says that it is; `idle_at` when it last had nothing to send, by `time.monotonic`."""

    def __init__(self, run_dir: Path, begin: Mapping[str, Any]) -> None:
        self.begin = begin
        self.tracker = str(begin["tracker"])
        self.sent = 0
        self.idle_at = 0.0
        self.ended: str | None = None
        self.ids: dict[str, str] = {}
        self.failed = ""
        self.is_for_good = False
        self._told: str | None = None
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._logged = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "callsheet.tracking", str(run_dir), self.tracker],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,  # what the package starts ends with it
            env={"DO_NOT_TRACK": "1", **os.environ, "PYTHONSAFEPATH": "1"},  # libraries send statistics otherwise
        )
        self._readers = [self._reader(self._hear, self._process.stdout), self._reader(self._log, self._process.stderr)]
        self._tell(begin)

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    def finish(self, status: str) -> None:
        """Say that the run is over: when all is sent, it tells the tracker, and ends."""
        if self._told is None:
            self._told = status
            self._tell({"finish": status})

    def said(self) -> str:
        """Why it ended before its time, once it did."""
        for reader in self._readers:
            reader.join(END_SECONDS)
        last = next((line for line in reversed(self._last) if line.strip()), "")
        code = self._process.returncode
        return self.failed or (f"its process ended with code {code}{f': {last}' if last else ''}")

    def leave(self) -> None:
        """Have it end after its last batch: it hears that nobody waits any more."""
        with suppress(OSError):
            if self._process.stdin:
                self._process.stdin.close()

    def kill(self) -> None:
        """End it, and what it started, at once: also a service of the package with a session of its own."""
        left = descendants(self._process.pid)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        kill_all(left)
        self._process.wait()

    def wait(self) -> None:
        """Until it has ended, which it does soon after its last word; what it started is not waited for."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_SECONDS)
        if self.lives:
            self.kill()

    def _tell(self, what: Mapping[str, Any]) -> None:
        with suppress(OSError, ValueError):  # it is dead, which `lives` says
            assert self._process.stdin
            self._process.stdin.write(f"{json.dumps(what)}\n")
            self._process.stdin.flush()

    def _reader(self, take: Any, stream: IO[str] | None) -> threading.Thread:
        def read() -> None:
            for line in stream or ():
                take(line)

        thread = threading.Thread(target=read, daemon=True, name=f"callsheet-{self.tracker}")
        thread.start()
        return thread

    def _hear(self, line: str) -> None:
        with suppress(ValueError):
            said = json.loads(line)
            self.sent = said.get("sent", self.sent)
            self.idle_at = time.monotonic() if said.get("idle") else self.idle_at
            self.ids = said.get("ids", self.ids)
            self.ended = said.get("ended", self.ended)
            self.failed, self.is_for_good = said.get("failed", self.failed), said.get("for_good", self.is_for_good)

    def _log(self, line: str) -> None:
        shown = redact_text(line.rstrip()[:LONGEST_LINE])
        self._last.append(shown)
        self._logged += 1
        if self._logged <= MOST_LOGGED:
            logger.info("%s: %s", self.tracker, shown)
