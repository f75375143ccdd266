"""Workers as processes of the driver: each is started again when it is killed, and ends with the driver."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread

from callsheet.distributed.world import DRIVER
from callsheet.experiments.queue import Queue
from callsheet.experiments.workers.stopping import ALL, Stopping

logger = logging.getLogger("callsheet")

MOST_RESTARTS = 100  # of all workers together: an arm that takes its worker with it must not do so for ever
BREATH = 1.0  # seconds before a worker is started again
Environment = Mapping[str, str | None]
Program = Callable[[Path, float], Sequence[str]]


def command_line(root: Path, idle: float) -> list[str]:
    """`callsheet experiment work`, which anybody may type on any host."""
    return [
        sys.executable,
        "-m",
        "callsheet",
        "experiment",
        "work",
        str(root),
        *(["--idle", f"{idle:g}"] if idle else []),
    ]


class LocalWorkers:
    """Workers of this machine, each with an environment of its own; `wait` returns the largest of their exit codes."""

    def __init__(self, root: Path, environments: Sequence[Environment], idle: float, program: Program) -> None:
        self.queue, self.command = Queue(root), [*program(root, idle)]
        self.stop = Stopping(ALL)
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._codes: list[int] = []
        self._restarts = 0
        self._counting = Lock()
        self._threads = [
            Thread(target=self._keep, args=(number, environment), daemon=True)
            for number, environment in enumerate(environments)
        ]

    def run(self) -> int:
        """Until all have ended; a signal is passed on to them."""
        self.stop.first = self._send
        self.stop.again = lambda: self._send(self.stop.received or signal.SIGTERM)
        with self.stop.watched():
            for thread in self._threads:
                thread.start()
            while any(thread.is_alive() for thread in self._threads):
                self.stop.rest()
        if self.stop.received is not None:
            return 128 + self.stop.received
        return max((code for code in self._codes if code > 0), default=0)

    def _keep(self, number: int, environment: Environment) -> None:
        """One worker, and those in its place; the thread that starts a process lives as long as that: see `DRIVER`."""
        try:
            while True:
                process = self._processes[number] = self._start(environment)
                if self.stop.received is not None:
                    process.send_signal(self.stop.received)
                code = process.wait()
                if not (code < 0 and self._starts_again(code)):
                    self._codes.append(code)
                    return
                time.sleep(BREATH)
        finally:
            self.stop.nudge()

    def _start(self, environment: Environment) -> subprocess.Popen[bytes]:
        given = {**os.environ, **environment, DRIVER: str(os.getpid())}
        return subprocess.Popen(
            self.command,
            env={name: value for name, value in given.items() if value is not None},
            stdin=subprocess.DEVNULL,
            process_group=0,  # the driver passes the signals of a terminal on
        )

    def _starts_again(self, code: int) -> bool:
        with self._counting:
            self._restarts += 1
            if self.stop.received is not None or self._restarts > MOST_RESTARTS or self.queue.is_over:
                return False
        logger.warning("A worker was ended by signal %s, and is started again.", -code)
        return True

    def _send(self, signum: int) -> None:
        for process in [*self._processes.values()]:
            with suppress(ProcessLookupError):
                process.send_signal(signum)
