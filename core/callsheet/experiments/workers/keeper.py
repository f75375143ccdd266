"""Keeps the process of an arm for its worker: starts it, waits for it, and kills it when the worker dies.

`python keeper.py DIRECTORY` reads a line of JSON for each order: `start`, `signal`, or the `patience` that it may have
until the next order. It answers `started`, `no_log`, `refused` or `ended`. It has a session of its own: neither a
terminal nor a kill of the worker's group reaches it. When its input ends, or nobody spoke for longer than its patience,
it kills the arm's process and all of its group, so that none of them outlives the worker's lease.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from callsheet.disk.inside import Inside
from callsheet.secrets.output import RedactedOutput

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)  # loaded before a child needs it
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # counts the time for which the machine was asleep
DEAF = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # a scheduler signals all processes of a job; the worker decides


class Keeper:
    """The loop of the process; has one process of an arm at a time."""

    def __init__(self, root: Path) -> None:
        self.inside = Inside(root, "the experiment's directory")
        self.child: subprocess.Popen[bytes] | None = None
        self.output: RedactedOutput | None = None
        self.patience = float("inf")
        self._heard = time.clock_gettime(CLOCK)
        self._unread = b""
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)

    def run(self) -> None:
        """Until the input ends."""
        signal.signal(signal.SIGCHLD, lambda *_: None)  # without a handler, nothing is written to the pipe
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        while self._listen():
            self._look()
        self._kill()

    def _listen(self) -> bool:
        """Wait for an order, the end of the child, or the end of patience; False when the input has ended."""
        left = self._heard + self.patience - time.clock_gettime(CLOCK)
        ready, _, _ = select.select([0, self._woken], [], [], None if left == float("inf") else max(0.0, left))
        if self._woken in ready:
            os.read(self._woken, 4096)
        if 0 in ready:
            return self._read()
        if not ready:
            self._kill()
            self._heard = float("inf")  # until the next order
        return True

    def _read(self) -> bool:
        piece = os.read(0, 1 << 16)
        *lines, self._unread = (self._unread + piece).split(b"\n")
        for line in lines:
            self._heard = time.clock_gettime(CLOCK)
            self._obey(json.loads(line))
        return piece != b""

    def _obey(self, order: dict[str, Any]) -> None:
        self.patience = order.get("patience", self.patience)
        if start := order.get("start"):
            self._start(**start)
        if number := order.get("signal"):
            self._send(number)

    def _start(self, command: list[str], cwd: str | None, env: dict[str, str | None], log: str) -> None:
        environment = {name: value for name, value in {**os.environ, **env}.items() if value is not None}
        try:
            output = self.inside.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        except OSError as error:
            _say(no_log=str(error))
            return
        self.output = RedactedOutput(output)
        try:
            self.child = subprocess.Popen(
                command,
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=self.output.descriptor,
                stderr=self.output.descriptor,
                process_group=0,
                preexec_fn=_die_with_keeper,  # this process has one thread by now
            )
        except OSError as error:
            self.output.close()
            _say(refused=[error.errno, str(error.filename or command[0])])
        else:
            self.output.begin()
            _say(started=self.child.pid)

    def _send(self, number: int) -> None:
        if self.child is None:
            return
        with suppress(ProcessLookupError):
            if number == signal.SIGKILL:
                os.killpg(self.child.pid, number)
            else:
                os.kill(self.child.pid, number)

    def _look(self) -> None:
        """Say that the child has ended, once the rest of its group is gone."""
        if self.child and os.waitid(os.P_PID, self.child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            self._kill()

    def _kill(self) -> None:
        """Kill the group before its first process is reaped: until then, no other can have its number."""
        if (child := self.child) and self.output:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            code = child.wait()
            self.output.finish()
            _say(ended=code)
            self.child = None


def _die_with_keeper() -> None:
    """In the child: let the kernel kill it when the keeper dies, which nobody should kill."""
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    for signum in DEAF:
        signal.signal(signum, signal.SIG_DFL)


def _say(**answer: Any) -> None:
    with suppress(OSError):  # the worker is gone
        os.write(1, json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    for signum in DEAF:
        signal.signal(signum, signal.SIG_IGN)
    Keeper(Path(sys.argv[1])).run()
