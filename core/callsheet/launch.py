"""The driver: starts a run's processes through torch's elastic agent, passes signals on, and says how they ended."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from callsheet import failures
from callsheet.devices import processes_per_node
from callsheet.errors import WorkerFailure
from callsheet.failures import Failure
from callsheet.plan import Plan
from callsheet.rundir import RunDir, now
from callsheet.signals import SIGNALS, Interrupted
from callsheet.world import DRIVER, first_node

if TYPE_CHECKING:
    from torch.distributed.elastic.agent.server.api import RunResult
    from torch.distributed.elastic.agent.server.local_elastic_agent import LocalElasticAgent

GRACE = 15.0  # seconds that the other processes get to end the run, once one has failed or a second signal came
DEFAULT_PORT = 29_400


def launch(plan: Plan, overrides: Sequence[str]) -> None:
    """Run `callsheet train overrides` on the processes that `plan.launch` asks for, and wait for them.

    Raises `Interrupted` after a signal and `WorkerFailure` when a process failed; all of them are gone by then.
    """
    command = [sys.executable, "-m", "callsheet", "train", *overrides, f"output_dir={plan.run_dir}"]
    with TemporaryDirectory(prefix="callsheet-", ignore_cleanup_errors=True) as folder, _environment(plan):
        agent = _agent(plan, command, folder)
        with _forwarding(agent) as forwarding:
            result = agent.run()
        _judge(plan, result, failures.first(failures.notes(Path(folder))), forwarding.received)


class Forwarding:
    """Passes SIGTERM and SIGINT on to the workers, which then finish their step; a second one is the last."""

    def __init__(self, agent: LocalElasticAgent) -> None:
        self.agent = agent
        self.received: int | None = None

    def handle(self, signum: int, frame: FrameType | None) -> None:
        again, self.received = self.received is not None, signum
        workers = self._workers()
        if not workers:
            raise Interrupted(signum)
        self._send(signum)
        if again:
            killer = threading.Timer(GRACE, self._send, [signal.SIGKILL])
            killer.daemon = True
            killer.start()

    def _send(self, signum: int) -> None:
        for pid in self._workers():
            with suppress(ProcessLookupError):
                os.kill(pid, signum)

    def _workers(self) -> list[int]:
        """The workers that still run: the number of one that ended may be another process's by now."""
        context: Any = self.agent._pcontext
        handlers = context.subprocess_handlers.values() if context else ()
        return [handler.proc.pid for handler in handlers if handler.proc.returncode is None]


@contextmanager
def _forwarding(agent: LocalElasticAgent) -> Iterator[Forwarding]:
    forwarding = Forwarding(agent)
    before: dict[int, Any] = {}
    with suppress(ValueError):  # only the main thread may set handlers
        for signum in SIGNALS:
            before[signum] = signal.signal(signum, forwarding.handle)
    try:
        yield forwarding
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


@contextmanager
def _environment(plan: Plan) -> Iterator[None]:
    """What the agent and its workers read from the environment, for as long as they run."""
    cores = os.cpu_count() or 1
    threads = plan.launch.threads or max(1, cores // processes_per_node(plan))
    wanted = {
        DRIVER: str(os.getpid()),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(threads)),
        "TORCHELASTIC_SIGNALS_TO_HANDLE": "SIGHUP,SIGQUIT",  # the other two are ours: the agent would not wait
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _agent(plan: Plan, command: Sequence[str], folder: str) -> LocalElasticAgent:
    """An agent that starts `command` once per process of this node and never again."""
    from torch.distributed.elastic.agent.server.api import WorkerSpec
    from torch.distributed.elastic.agent.server.local_elastic_agent import LocalElasticAgent
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.elastic.rendezvous import RendezvousParameters, registry

    _quiet_agent()
    nodes = plan.launch.nodes
    alone = nodes == 1
    parameters = RendezvousParameters(
        backend="c10d",
        endpoint="localhost:0" if alone else _endpoint(plan),
        run_id=uuid4().hex if alone else f"callsheet-{os.environ.get('SLURM_JOB_ID', '')}",
        min_nodes=nodes,
        max_nodes=nodes,
        local_addr="localhost" if alone else None,
        timeout=900,
    )
    spec = WorkerSpec(
        role="callsheet",
        local_world_size=processes_per_node(plan),
        entrypoint=command[0],
        args=tuple(item.replace("$", "$$") for item in command[1:]),  # the agent takes them as templates
        rdzv_handler=registry.get_rendezvous_handler(parameters),
        max_restarts=0,
        monitor_interval=0.1,
    )

    class Agent(LocalElasticAgent):
        def _start_workers(self, worker_group: Any) -> dict[int, Any]:
            started = super()._start_workers(worker_group)
            context: Any = self._pcontext
            close = context.close
            # The agent gives the survivors of a failure 30 seconds, whatever it was told.
            context.close = lambda death_sig=None, timeout=GRACE: close(death_sig, min(timeout, GRACE))
            return started

    return Agent(spec, DefaultLogsSpecs(log_dir=folder))


def _endpoint(plan: Plan) -> str:
    return plan.launch.endpoint or f"{first_node(os.environ)}:{DEFAULT_PORT}"


def _quiet_agent() -> None:
    """Keep what the agent logs of a worker's end to itself: the driver says it in one place."""
    log = logging.getLogger("torch.distributed.elastic")
    log.addHandler(logging.NullHandler())
    log.propagate = False


def _judge(plan: Plan, result: RunResult, cause: Failure | None, received: int | None) -> None:
    """Raise what the end of the workers means."""
    failed = cause is not None and cause.exit_code < 128
    if cause is not None and failed:
        _close_books(plan, cause.message)
        raise WorkerFailure(cause)
    if received or cause:
        _close_books(plan, "stopped by a signal", status="interrupted")
        raise Interrupted(received or (cause.exit_code - 128 if cause else signal.SIGTERM))
    if result.is_failed():
        rank, dead = next(iter(sorted(result.failures.items(), key=lambda item: item[1].exitcode != -signal.SIGKILL)))
        died = _unexplained(rank, dead.pid, dead.exitcode)
        _close_books(plan, died.message)
        raise WorkerFailure(died)


def _unexplained(rank: int, pid: int, code: int) -> Failure:
    how = f"ended with exit code {code}"
    if code < 0:
        how = f"was killed by {signal.Signals(-code).name}"
        how += ", as the system does when memory runs out" if code == -signal.SIGKILL else ""
    return Failure(rank, 1, f"Rank {rank} (process {pid}) {how}.", "", 0.0)


def _close_books(plan: Plan, message: str, *, status: str = "failed") -> None:
    """Write the end of a run whose rank 0 died before it could."""
    run_dir = RunDir(plan.run_dir)
    run = run_dir.run()
    if run.get("status") == "running" and plan.launch.nodes == 1:
        run_dir.update_run(status=status, ended=now(), outcome={"status": status, "error": message})
        run_dir.event("ended", status=status, error=message)
