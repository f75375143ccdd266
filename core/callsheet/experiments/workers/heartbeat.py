"""Says that a worker lives while its arm's process runs, and ends that process once the arm is another's."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from callsheet.disk import os_errors
from callsheet.experiments.queue import Claim, Queue
from callsheet.experiments.queue.leases import Lease
from callsheet.experiments.workers import stopping
from callsheet.experiments.workers.arm_process import ArmProcesses
from callsheet.experiments.workers.stopping import Stopping

logger = logging.getLogger("callsheet")


class Heartbeat:
    """`is_lost` says that the claim was taken away meanwhile, and that the process was killed for it."""

    def __init__(
        self, queue: Queue, claim: Claim, processes: ArmProcesses, lease: Lease, stop: Stopping | None = None
    ) -> None:
        self.queue, self.claim, self.processes, self.lease, self.stop = queue, claim, processes, lease, stop
        self.is_lost = False
        self._over = Event()
        self._said = ""

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Beat in a thread while the block runs."""
        self.processes.may_live(self.lease.of_processes)
        thread = Thread(target=self._run, name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _run(self) -> None:
        while not self._over.wait(self.lease.beat):
            try:
                self._beat()
            except (
                OSError
            ) as error:  # the process may live until the lease ends, in which the file system may come back
                self._say(os_errors.said(error, self.queue.root))

    def _beat(self) -> None:
        if self.queue.beat(self.claim):
            self.processes.may_live(self.lease.of_processes)
        elif not self._over.is_set():
            self.is_lost = True
            self.processes.kill()
            self._over.set()
        if self.stop and stopping.is_asked(self.queue.root):
            self.stop.stop(signal.SIGTERM)

    def _say(self, said: str) -> None:
        if said != self._said:
            logger.warning("%s The arm %s goes on meanwhile.", said, self.claim.name)
        self._said = said
