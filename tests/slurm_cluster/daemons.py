"""Daemons in the foreground, as children that cannot outlive the process that started them."""

from __future__ import annotations

import ctypes
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 10


class Daemon:
    """One program, started and stopped as often as a test likes; what it says goes into `log`."""

    def __init__(
        self, log: Path, *argv: str, env: dict[str, str] | None = None, before: Callable[[], tuple[str, ...]] = tuple
    ) -> None:
        self.log, self.argv, self.env, self.before = log, argv, env, before
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.before(), *self.argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.env,
                start_new_session=True,  # Ctrl-C is for the tests, which stop it
                preexec_fn=_die_with_parent,
            )

    def stop(self, signum: int = signal.SIGTERM) -> None:
        if self.process is None:
            return
        self.process.send_signal(signum)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
