"""Starting workers through Hydra's launchers, whatever machines those reach, and waiting for them."""

from __future__ import annotations

import logging
import signal
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, cast

from callsheet.disk import os_errors
from callsheet.disk.os_errors import DiskFailed
from callsheet.errors import CallsheetError, first_line
from callsheet.experiments.places import ACTIVE, LOGS, PENDING
from callsheet.experiments.queue import Queue
from callsheet.experiments.workers import commands, loop, stopping
from callsheet.experiments.workers.commands import CommandOf
from callsheet.experiments.workers.launching import devices
from callsheet.experiments.workers.launching.local import LocalWorkers, Program, command_line
from callsheet.experiments.workers.launching.slurm_jobs import ArrayJobs
from callsheet.experiments.workers.stopping import Stopping
from callsheet.process.machine import visible_gpus

if TYPE_CHECKING:
    from omegaconf import DictConfig

logger = logging.getLogger("callsheet")

BASIC = "BasicLauncher"
ON_THIS_MACHINE = ("JoblibLauncher", "LocalLauncher")  # those that leave the choice of GPUs to us
SLURM = "SlurmLauncher"
GONE = "Slurm has none of its jobs any more, and they left no result."
MOST_ELSEWHERE = 64  # jobs of a cluster, of which each takes arms as long as there are any
LEFT = 15.0  # seconds for which a launcher may still wait once every arm is over
QUIET: dict[str, Any] = {"version": 1, "root": None, "disable_existing_loggers": False}


def launch(
    root: Path,
    number: int | None,
    hydra: DictConfig,
    *,
    processes: int | None = 1,
    idle: float = 0.0,
    command: CommandOf = commands.train,
    program: Program = command_line,
) -> int:
    """Start workers of the experiment at `root` as `hydra.launcher` says, and wait until they have ended.

    `hydra` is the node `hydra` of a composed configuration. `number` of them; left out, as many as the machine has sets
    of `processes` GPUs. `processes` is how many an arm has on one machine, None if it takes all GPUs that it sees.

    Returns 0, or 128+n after signal n, which is passed on: every worker's arm saves, and is pending again; or what a
    worker of this machine ended with that met an error. Arms that are left over are in the queue, for the next call.
    Raises `CallsheetError` for a launcher that starts nothing.
    """
    root = root.absolute()
    queue = Queue(root)
    left = len({*queue.names(PENDING), *queue.names(ACTIVE)})
    target = str(hydra.launcher._target_).rpartition(".")[2]
    is_here = target in (BASIC, *ON_THIS_MACHINE)
    count = min(number or (devices.fitting(processes or 1) if is_here else MOST_ELSEWHERE), left)
    if count == 0:
        return 0
    stopping.let_all_work(root)
    if target == BASIC:
        return LocalWorkers(root, _environments(count, processes), idle, program).run()
    environments = _environments(count, processes) if target in ON_THIS_MACHINE else [{}] * count
    task = Task(root, command, idle, environments)
    return _Launched(queue, task, _config(hydra, root), target).run(count)


def _environments(count: int, processes: int | None) -> list[dict[str, str | None]]:
    shares = devices.slices(visible_gpus(), count, processes)
    return [devices.environment(share, count, processes) for share in shares]


@dataclass(frozen=True)
class Task:
    """What a launcher calls in the process of a worker, wherever that is; it may pickle it on the way."""

    root: Path
    command: CommandOf
    idle: float
    environments: Sequence[Mapping[str, str | None]]

    def __call__(self, config: DictConfig) -> int:
        from hydra.core.hydra_config import HydraConfig

        from callsheet.process import logs

        logs.show()
        given = self.environments[HydraConfig.get().job.num]
        shown = (given.get(devices.VISIBLE) or "").split(",")
        gpus = tuple(filter(None, shown))
        try:
            code = loop.work(self.root, self.command, idle=self.idle, devices=gpus, environment=given)
        except (CallsheetError, DiskFailed) as error:  # a traceback would be seen by its launcher alone
            logger.error("%s", error)
            return 2 if isinstance(error, CallsheetError) else 1
        if code == 128 + signal.SIGUSR2:
            # submitit, whose handler is back, has the job queued again: its time is over, and its arm is pending.
            signal.raise_signal(signal.SIGUSR2)
        return code


class SameForAll:
    """Stands for the loader of Hydra, by which a launcher composes what each of its jobs gets: the same for all."""

    def load_sweep_config(self, config: DictConfig, overrides: Sequence[str]) -> DictConfig:
        return deepcopy(config)


class _Launched:
    """Workers that a launcher of Hydra's has started: it is waited for in a thread, so that it can keep nobody."""

    def __init__(self, queue: Queue, task: Task, config: DictConfig, name: str) -> None:
        self.queue, self.task, self.config, self.name = queue, task, config, name
        self.stop = Stopping(stopping.ALL)
        self.jobs = ArrayJobs(queue.root) if name == SLURM else None
        self._error: Exception | None = None

    def run(self, count: int) -> int:
        launcher = self._launcher()
        self.stop.first = lambda signum: stopping.ask_all(self.queue.root)
        thread = Thread(target=self._launch, args=(launcher, count), name="launcher", daemon=True)
        with self.stop.watched():
            thread.start()
            while thread.is_alive() and self._is_awaited(thread):
                self.stop.rest()
        if self.stop.received is not None:
            return 128 + self.stop.received
        if self._error is not None:
            raise CallsheetError(self._said(self._error)) from self._error
        return 0

    def _launcher(self) -> Any:
        from hydra.core.plugins import Plugins
        from hydra.types import HydraContext

        from callsheet.privates.hydra import no_callbacks

        context = HydraContext(config_loader=cast(Any, SameForAll()), callbacks=no_callbacks())
        try:
            return Plugins.instance().instantiate_launcher(
                hydra_context=context, task_function=self.task, config=self.config
            )
        except Exception as error:
            raise CallsheetError(self._said(error)) from error

    def _launch(self, launcher: Any, count: int) -> None:
        try:
            launcher.launch([[]] * count, initial_job_idx=0)
        except Exception as error:
            self._error = error
        finally:
            self.stop.nudge()

    def _is_awaited(self, thread: Thread) -> bool:
        """False once nothing is left to wait for: without accounting, submitit waits for a killed job for ever."""
        if self.stop.hurried:
            return False
        if self.queue.is_over:
            thread.join(LEFT)
            return False
        if self.jobs and self.jobs.are_gone():
            thread.join(LEFT)
            self._error = self._error or (ChildProcessError(GONE) if thread.is_alive() else None)
            return False
        return True

    def _said(self, error: BaseException) -> str:
        explained = os_errors.explained(error) if isinstance(error, OSError) else None
        said = str(explained) if explained else f"{type(error).__name__}: {first_line(error)}"
        return f"The launcher {self.name} could not start workers, or lost them: {said}"


def _config(hydra: DictConfig, root: Path) -> DictConfig:
    """A configuration of its own for the jobs of a launcher: only of Hydra, which writes below the experiment alone."""
    from omegaconf import OmegaConf, open_dict

    config = OmegaConf.create({"hydra": deepcopy(hydra)})
    OmegaConf.set_readonly(config.hydra, False)
    with open_dict(config):
        for key, value in {
            **{"sweep.dir": str(root / LOGS / "launcher"), "sweep.subdir": ".", "output_subdir": None},
            **{"job_logging": QUIET, "hydra_logging": QUIET, "callbacks": {}, "job.chdir": False, "job.num": 0},
            **{"overrides.task": [], "overrides.hydra": []},
        }.items():
            OmegaConf.update(config, f"hydra.{key}", value, merge=False)
    return config
