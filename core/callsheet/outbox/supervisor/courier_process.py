"""The courier as the run sees it: a process that is started when needed, rung when there is work, and let go."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Lock

from callsheet.disk import os_errors
from callsheet.disk.descent import Outside
from callsheet.disk.inside import Inside
from callsheet.disk.regular import Irregular
from callsheet.errors import sentences
from callsheet.outbox.courier.lock import ANOTHER_WORKS
from callsheet.outbox.settings import OutboxSettings

logger = logging.getLogger("callsheet")

LOG = "courier.log"
AGAIN_SECONDS = 5.0
EXPECTED = (0, ANOTHER_WORKS, -signal.SIGKILL, -signal.SIGTERM, 128 + signal.SIGTERM)
TOO_MANY_CRASHES = 3
NO_LOG = (*os_errors.CLOSED, errno.EISDIR)  # of what stands at the log's place, and stays until a user acts


class CourierProcess:
    """Starts the courier of one run directory, and starts it again when it died."""

    def __init__(self, run_dir: Path, settings: OutboxSettings) -> None:
        self.run_dir, self.settings = run_dir, settings
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._crashes = 0
        self._no_log = ""
        self._starting = Lock()

    @property
    def log(self) -> Path:
        return self.run_dir / "outbox" / LOG

    def ring(self) -> None:
        """Say that there is work; what a courier needs to know it reads from the outbox."""
        if self._process and self._process.stdin:
            with contextlib.suppress(OSError):
                os.write(self._process.stdin.fileno(), b"\n")

    def ensure(self) -> None:
        """Start a courier unless one that we started lives; not more often than every few seconds."""
        with self._starting:
            self._ensure()

    def _ensure(self) -> None:
        if self.lives or (self._started_at and time.monotonic() - self._started_at < AGAIN_SECONDS):
            return
        if self._process:
            self._crashes = 0 if self._process.returncode in EXPECTED else self._crashes + 1
        self.let_go()
        self._started_at = time.monotonic()
        try:
            self._process = self._start()
        except OSError as error:
            logger.warning("The courier of %s could not be started: %s. It is tried again.", self.run_dir, error)

    @property
    def is_broken(self) -> bool:
        """Whether couriers die as soon as they start; killed ones do not count."""
        return self._crashes >= TOO_MANY_CRASHES

    @property
    def why_broken(self) -> str:
        """What a user is told of a broken courier."""
        if self._no_log:
            return "The courier cannot work, and has no log that would say why."
        return f"The courier cannot work; {self.log} says why."

    @property
    def lives(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def let_go(self) -> None:
        """Close the courier's input: it ends when the outbox is empty."""
        if self._process and self._process.stdin:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def _start(self) -> subprocess.Popen[bytes]:
        settings = self.settings
        command = [
            *(sys.executable, "-m", "callsheet.outbox.courier", str(self.run_dir)),
            *("--parallel", str(settings.parallel), "--linger", str(settings.linger_seconds)),
            *("--first-delay", str(settings.first_delay_seconds)),
            *("--longest-delay", str(settings.longest_delay_seconds)),
        ]
        with os.fdopen(self._open_log(), "ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                bufsize=0,
                start_new_session=True,  # a Ctrl-C, or the end of a terminal, is for the run
                # A folder of the user's called `token` or `queue` must not stand in for a module.
                env={**os.environ, "PYTHONSAFEPATH": "1"},
            )

    def _open_log(self) -> int:
        """The log, or /dev/null where something else stands in its place: entries are worth more than a log."""
        try:
            descriptor = Inside(self.run_dir).open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        except OSError as error:
            if not isinstance(error, Irregular) and error.errno not in NO_LOG:
                raise
            self._go_without(error)
            return os.open(os.devnull, os.O_WRONLY)
        self._no_log = ""
        return descriptor

    def _go_without(self, error: OSError) -> None:
        """Say why there is no log; once, although a courier may be started often."""
        said = str(error) if isinstance(error, Outside) else os_errors.said(error)
        remedy = "Remove it." if isinstance(error, (Irregular, IsADirectoryError)) else ""
        said = sentences(said, remedy, "Until then the courier works without a log.")
        if said != self._no_log:
            logger.warning("%s", said)
        self._no_log = said
