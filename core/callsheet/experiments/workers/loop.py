"""One worker: claim the next arm, run it in a process of its own, settle it, and again."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from callsheet.disk import os_errors
from callsheet.disk.os_errors import DiskFailed
from callsheet.disk.refusals import free_space
from callsheet.distributed.slurm import of_this_task
from callsheet.distributed.world import ARM, DRIVER
from callsheet.errors import CallsheetError
from callsheet.experiments.places import FAILED, LOGS, PENDING, RECORD, WORKERS
from callsheet.experiments.queue import Attempt, Claim, Entry, Queue, directory, holders
from callsheet.experiments.queue.directory import Experiment
from callsheet.experiments.queue.leases import Lease, Watch
from callsheet.experiments.queue.records import FAILED as HAS_FAILED
from callsheet.experiments.workers import commands, endings, searching, stopping
from callsheet.experiments.workers.arm_process import ArmProcesses, NoLog
from callsheet.experiments.workers.choosing import Choosing
from callsheet.experiments.workers.commands import CommandOf
from callsheet.experiments.workers.endings import Ending, Log
from callsheet.experiments.workers.heartbeat import Heartbeat
from callsheet.experiments.workers.stopping import Stopping
from callsheet.rundir import liveness
from callsheet.rundir.rundir import now

logger = logging.getLogger("callsheet")

PROMISE = "its arm saves, and goes back to the queue. A second signal kills it."
SHORTEST, LONGEST = 0.1, 2.0  # seconds between two looks of a worker that has nothing to do
# What the world of a worker says of ranks is not so of its arms, which may begin worlds of their own.
WITHHELD = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", DRIVER)


def work(
    root: Path,
    command: CommandOf = commands.train,
    *,
    idle: float = 0.0,
    devices: tuple[str, ...] = (),
    environment: Mapping[str, str | None] | None = None,
    lease: Lease | None = None,
) -> int:
    """Work on the experiment at `root` until nothing is left that could become ready; returns an exit code.

    0, or 128+n after signal n: the first is passed on to the arm's process, which saves, and the arm is pending again;
    a second one kills it. Arms that fail do not change the code: their entries tell of them.

    `idle` is for how many seconds a worker without work stays, for arms that may be added. `environment` is what each
    arm's process gets, such as CUDA_VISIBLE_DEVICES; `devices` is said of the worker. `command` makes the command of an
    arm, so that tests may run others through the same code.

    Raises `CallsheetError` for what is no experiment of this version or was removed, and `DiskFailed`.
    """
    experiment = directory.opened(root)
    _require_folder(experiment)
    try:
        return Worker(root.absolute(), experiment, command, idle, devices, environment or {}, lease or Lease()).run()
    except FileNotFoundError as error:
        if (root / RECORD).exists():
            raise
        raise CallsheetError(f"{root} was removed, or its {RECORD} was, while a worker used it.") from error
    except OSError as error:
        raise os_errors.explained(error, [root], [str(root), str(root.absolute())]) or error from error


def _require_folder(experiment: Experiment) -> None:
    """Raise `CallsheetError` where every arm would fail, since its process has nowhere to start."""
    if (folder := experiment.command.cwd) and not Path(folder).is_dir():
        raise CallsheetError(
            f"{experiment.name} was begun in {folder}, which is no folder on this machine. Its arms are started there: "
            "make that folder visible here, or work where it is."
        )


class Worker:
    """A worker of this process; `run` is all of it."""

    def __init__(
        self,
        root: Path,
        experiment: Experiment,
        command: CommandOf,
        idle: float,
        devices: tuple[str, ...],
        environment: Mapping[str, str | None],
        lease: Lease,
    ) -> None:
        self.root, self.experiment, self.command = root, experiment, command
        self.idle, self.environment, self.lease = idle, environment, lease
        self.queue = Queue(root)
        self.me = holders.this_process(experiment.callsheet, devices)
        self.choosing = Choosing(self.queue, experiment, self.me.id)
        self.watch = Watch(self.queue, self.me.id, lease)
        self.stop = Stopping("" if DRIVER in os.environ else PROMISE)  # the driver says it once
        self._looked = 0.0

    def run(self) -> int:
        for folder in (WORKERS, LOGS):
            self.queue.inside.make(folder)
        self.processes = ArmProcesses(self.root)
        self.stop.first, self.stop.again = self.processes.signal, self.processes.kill
        try:
            with self.stop.watched():
                self._say_who(keeper=self.processes.keeper)
                said = self._work()
                self._say_who(arm=None, ended=now(), said=said)
        finally:
            self.processes.close()
        logger.info("%s", said)
        return 0 if self.stop.received is None else 128 + self.stop.received

    def _work(self) -> str:
        """Until nothing is left; returns why it ends, in a sentence."""
        unemployed: float | None = None
        while self.stop.received is None:
            if stopping.is_asked(self.root):
                self.stop.stop(signal.SIGTERM)
                return f"The experiment was stopped. To go on: callsheet experiment resume {self.root}"
            if claimed := self._next():
                self._carry_out(*claimed)
                unemployed = None
                continue
            unemployed = unemployed or time.monotonic()
            waited = time.monotonic() - unemployed
            if said := self._why_leave(waited):
                return said
            self.stop.pause(min(LONGEST, max(SHORTEST, waited / 4)))
        return f"This worker was stopped by {endings.name_of(self.stop.received or 0)}."

    def _next(self) -> tuple[Claim, Entry] | None:
        if free_space.is_scarce(self.root):
            raise DiskFailed(free_space.sentence(self.root))
        if time.monotonic() - self._looked > self.lease.beat:
            self._look()
        return self.choosing.next() or (self.choosing.next() if self._look() else None)

    def _look(self) -> list[str]:
        """Give back what lost workers had, which may be this worker's next."""
        self._looked = time.monotonic()
        lost = self.watch.give_back_lost()
        for name in lost:
            logger.warning("The worker of %s is gone; the arm is begun again, or goes on.", name)
        return lost

    def _why_leave(self, waited: float) -> str:
        """Why a worker that finds no arm ends, in a sentence; empty while one may come."""
        if not (self.root / RECORD).exists():
            raise CallsheetError(f"{self.root} was removed, or its {RECORD} was, while a worker used it.")
        if self.choosing.may_become_ready() or self.watch.is_uneasy() or waited < self.idle:
            return ""
        return self.choosing.purse.used_up() or "No arm is left for this worker."

    def _carry_out(self, claim: Claim, entry: Entry) -> None:
        run_dir = commands.run_dir(self.root, entry.name)
        if entry.attempts and (over := endings.over(run_dir)):
            self._settle(claim, entry, over)  # its worker was killed when nothing was left to do but this
        elif (used := liveness.look(run_dir)).alive:
            logger.warning("%s waits: %s in %s.", entry.name, used.why, run_dir)
            self.queue.give_back(claim, entry)
            self.stop.pause(self.lease.beat)
        elif self._has_values(claim, entry):
            self._run(claim, entry, run_dir)

    def _has_values(self, claim: Claim, entry: Entry) -> bool:
        """Whether the arm can run as it is. One that is searched gets its values first, and is claimed again with them.

        Only a claim that is given up changes the file: another worker may have taken it meanwhile.
        """
        try:
            settled = searching.with_values(self.root, entry, self.experiment.settings)
        except CallsheetError as error:
            self._settle(claim, entry, Ending(FAILED, HAS_FAILED, str(error)))
            return False
        if settled is not entry:
            self.queue.give_back(claim, settled)
            self.choosing.look_again()  # no other arm may get values before this one has told what came of its own
        return settled is entry

    def _run(self, claim: Claim, entry: Entry, run_dir: Path) -> None:
        begun, started = now(), time.monotonic()
        log = Log.beginning(self.root / LOGS / f"{entry.name}.log")
        heartbeat = Heartbeat(self.queue, claim, self.processes, self.lease, self.stop)
        try:
            self._start(claim, entry)
        except NoLog as error:
            ending, code = Ending(FAILED, HAS_FAILED, f"It could not be started without a log: {error}"), None
        except CallsheetError:  # of which no arm is guilty
            self.queue.give_back(claim, entry)
            raise
        else:
            with heartbeat.beating():
                if self.stop.received is not None:  # it came before there was a process to pass it on to
                    self.processes.signal(self.stop.received)
                self._say_who(arm=entry.name, arm_since=begun)  # while its process starts
                code = self.processes.wait()
                ending = endings.of(code, run_dir, log, entry, self.stop.received)
        if heartbeat.is_lost:
            logger.warning(
                "%s was taken from this worker, which was not heard for long; its process was ended.", entry.name
            )
            return
        attempt = Attempt(self.me.id, self.me.host, self.me.process.pid, begun, now(), time.monotonic() - started)
        told = replace(attempt, status=ending.status, exit_code=None if code is None else endings.exit_code(code))
        told = replace(told, error=ending.error)
        self._settle(claim, replace(entry, attempts=(*entry.attempts, told)), ending)

    def _start(self, claim: Claim, entry: Entry) -> None:
        command = self.command(self.root, self.experiment, entry)
        own = {
            ARM: str(self.queue.claim_path(claim)),
            **dict.fromkeys((*WITHHELD, *of_this_task(os.environ))),
            **self.environment,
        }
        log = f"{LOGS}/{entry.name}.log"
        self.processes.start(command, self.experiment.command.cwd, own, log)

    def _settle(self, claim: Claim, entry: Entry, ending: Ending) -> None:
        is_over = ending.state != PENDING
        if is_over:
            entry = replace(entry, status=ending.status, error=ending.error, remark=ending.remark)
            searching.tell(self.root, entry, ending.status, self.experiment.settings)
        if not self.queue.settle(claim, entry, ending.state):
            logger.warning("%s was taken from this worker, which was not heard for long.", entry.name)
            return
        self.me = replace(self.me, done=self.me.done + is_over)
        logger.info("%s: %s. %s", entry.name, ending.status, ending.error or ending.remark or "")

    def _say_who(self, **changes: object) -> None:
        self.me = replace(self.me, **changes)  # type: ignore[arg-type]  # fields of it
        with suppress(OSError):  # a full disk, which is met elsewhere
            holders.write(self.root, self.me)
