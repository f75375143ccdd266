"""The process of an arm, as its worker sees it: started, waited for, signalled and ended through the keeper."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

from callsheet.disk import os_errors
from callsheet.errors import CallsheetError
from callsheet.experiments.queue import holders
from callsheet.experiments.queue.holders import Process

KEEPER = Path(__file__).with_name("keeper.py")  # by its path: the package's imports would take five times as long
KILLED = -signal.SIGKILL


class NoLog(Exception):
    """The log of an arm cannot be written."""


class ArmProcesses:
    """The processes of this worker's arms, one after the other. The worker's thread starts and awaits them.

    `signal`, `kill` and `may_live` may be called by any thread, and by the handler of a signal.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._writing = Lock()
        self._child: int | None = None
        self._untold = [self]
        self._begin()

    @property
    def keeper(self) -> Process:
        return holders.process(self._keeper.pid)

    def start(self, command: Sequence[str], cwd: str | None, env: Mapping[str, str | None], log: str) -> None:
        """Start a process that writes to the end of `log`.

        Raises `NoLog` for what is wrong with that file, and `CallsheetError` where no arm could be started.
        """
        if self._keeper.poll() is not None:
            self._begin()
        self._order(start={"command": [*command], "cwd": cwd, "env": {**env}, "log": log})
        answer = self._answer()
        if answer is None:
            raise CallsheetError("The process that starts arms has died as soon as it was asked to start one.")
        if said := answer.get("no_log"):
            raise NoLog(said)
        if refused := answer.get("refused"):
            error = OSError(refused[0], os.strerror(refused[0] or errno.EIO), refused[1])
            raise CallsheetError(f"This worker can start no arm: {os_errors.said(error)}")
        self._untold = [self]
        self._child = answer["started"]

    def wait(self) -> int:
        """Wait until the process and its group are gone; the code is negative after a signal, as in `subprocess`."""
        answer = self._answer()
        child, self._child = self._child, None
        if answer is None:  # somebody killed the keeper, and the kernel its child
            with suppress(ProcessLookupError, PermissionError, TypeError):
                os.killpg(child, signal.SIGKILL)  # type: ignore[arg-type]  # TypeError: there was none
            return KILLED
        return int(answer["ended"])

    def signal(self, signum: int) -> None:
        """Pass a signal on to the process, once: it would take a second one for somebody's impatience."""
        if self._child is not None:
            with suppress(IndexError):  # several threads may come here, and one of them finds it
                self._untold.pop()
                self._order(signal=signum)

    def kill(self) -> None:
        """Kill the process and its group."""
        if self._child is not None:
            self._order(signal=signal.SIGKILL)

    def may_live(self, seconds: float) -> None:
        """Let the process live for so long, if nothing more is heard of this worker."""
        self._order(patience=seconds)

    def close(self) -> None:
        """End the keeper, which kills what it still keeps."""
        with suppress(OSError):
            self._keeper.stdin.close()  # type: ignore[union-attr]  # it is a pipe
        self._keeper.wait()

    def _begin(self) -> None:
        # -P: a folder of the user's called `queue` must not stand in for a module.
        self._keeper = subprocess.Popen(
            [sys.executable, "-P", str(KEEPER), str(self.root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        self._answers = os.fdopen(os.dup(self._keeper.stdout.fileno()), "rb")  # type: ignore[union-attr]

    def _order(self, **order: Any) -> None:
        """A short line is written in one piece, so that the handler of a signal needs no lock."""
        line = json.dumps(order).encode() + b"\n"
        with suppress(BrokenPipeError, ValueError):  # the keeper is gone, which `wait` and `start` see
            if "start" in order:
                with self._writing:
                    self._write(line)
            else:
                self._write(line)

    def _write(self, line: bytes) -> None:
        descriptor = self._keeper.stdin.fileno()  # type: ignore[union-attr]
        while line:
            line = line[os.write(descriptor, line) :]

    def _answer(self) -> dict[str, Any] | None:
        """What the keeper says next; None when it is gone."""
        line = self._answers.readline()
        return json.loads(line) if line.endswith(b"\n") else None
