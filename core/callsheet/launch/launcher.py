"""The driver: starts a run's processes through torch's elastic agent, passes signals on, and says how they ended."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any, TypeVar
from uuid import uuid4

from callsheet.config.plan import Plan
from callsheet.distributed.world import DRIVER
from callsheet.launch import failures
from callsheet.launch.devices import processes_per_node
from callsheet.launch.failures import Failure, Weight, WorkerFailure, killed
from callsheet.launch.hidden_overrides import hide
from callsheet.launch.meeting import Meeting
from callsheet.privates.torch import agent_class
from callsheet.process.environment import changed_environment
from callsheet.process.gc_pause import gc_paused
from callsheet.process.machine import cores
from callsheet.process.signals import SIGNALS, Interrupted, is_echo, signal_in
from callsheet.rundir import attempts
from callsheet.rundir.again.reuse import OVER
from callsheet.rundir.rundir import RunDir, now

E = TypeVar("E", bound=BaseException)
GRACE = 15.0  # seconds that the other processes get to end the run, once one has failed or a second signal came


def launch(plan: Plan, overrides: Sequence[str]) -> None:
    """Run `callsheet train overrides` on the processes that `plan.launch` asks for, and wait for them.

    Raises `Interrupted` after a signal and `WorkerFailure` when a process failed; all of them are gone by then.
    """
    shown, hidden = hide(overrides)
    command = [sys.executable, "-m", "callsheet", "train", "--run", *shown, f"output_dir={plan.run_dir}"]
    _quiet_agent()
    meeting = Meeting(plan, overrides) if plan.launch.nodes > 1 else None
    notes = TemporaryDirectory(prefix="callsheet-", ignore_cleanup_errors=True)
    with notes as folder, changed_environment({**_environment(plan), **hidden}):
        agent = _agent(plan, command, folder, meeting or _alone())
        with _forwarding(agent) as forwarding:
            agent.run()
            forwarding.over = True
            left = failures.notes(Path(folder))
            died = [_unexplained(*dead) for dead in agent.died_first if dead[0] not in {note.rank for note in left}]
            cause = failures.first([*left, *died])
            if meeting and cause and not forwarding.received and not cause.is_signal:
                cause = meeting.agreed(cause, GRACE)
            agent.leave_rendezvous()
    _judge(plan, cause, forwarding.received, meeting)


class Forwarding:
    """Passes SIGTERM and SIGINT on to the workers, which then finish their step; a second one is the last."""

    def __init__(self, agent: Any) -> None:
        self.agent = agent
        self.received: int | None = None
        self.over = False  # all workers have ended
        self._first = 0.0

    def handle(self, signum: int, frame: FrameType | None) -> None:
        if self.received is not None and is_echo(self._first):
            return
        again, self.received, self._first = self.received is not None, signum, time.monotonic()
        workers = self._workers()
        if not workers and not self.over:
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
        return [process.pid for process in self.agent.processes().values() if process.returncode is None]


@contextmanager
def _forwarding(agent: Any) -> Iterator[Forwarding]:
    forwarding = Forwarding(agent)
    before: dict[signal.Signals, Any] = {}
    with suppress(ValueError):  # only the main thread may set handlers
        for signum in SIGNALS:
            before[signum] = signal.signal(signum, forwarding.handle)
    try:
        yield forwarding
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _environment(plan: Plan) -> dict[str, str | None]:
    """What the agent and its workers read from the environment, for as long as they run."""
    threads = plan.launch.threads or max(1, cores() // processes_per_node(plan))
    return {
        DRIVER: str(os.getpid()),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(threads)),
        "TORCHELASTIC_SIGNALS_TO_HANDLE": "SIGQUIT",  # the others are ours: the agent would not wait, or end for them
    }


def _agent(plan: Plan, command: Sequence[str], folder: str, rendezvous: Any) -> Any:
    """An agent that starts `command` once per process of this node and never again."""
    with gc_paused():
        from torch.distributed.elastic.agent.server.api import WorkerSpec
        from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs

    spec = WorkerSpec(
        role="callsheet",
        local_world_size=processes_per_node(plan),
        entrypoint=command[0],
        args=tuple(item.replace("$", "$$") for item in command[1:]),  # the agent takes them as templates
        rdzv_handler=rendezvous,
        max_restarts=0,
        monitor_interval=0.1,
    )
    return agent_class()(spec, DefaultLogsSpecs(log_dir=folder), GRACE)


def _alone() -> Any:
    """Where the processes of one node meet."""
    with gc_paused():
        from torch.distributed.elastic.rendezvous import RendezvousParameters, registry

    here = RendezvousParameters("c10d", "localhost:0", uuid4().hex, min_nodes=1, max_nodes=1, local_addr="localhost")
    return registry.get_rendezvous_handler(here)


def _quiet_agent() -> None:
    """Keep what the agent logs of a worker's end to itself: the driver says it in one place."""
    log = logging.getLogger("torch.distributed.elastic")
    log.addHandler(logging.NullHandler())
    log.propagate = False


def _judge(plan: Plan, cause: Failure | None, received: int | None, meeting: Meeting | None = None) -> None:
    """Raise what the end of the workers means. Of several nodes, the one of rank 0 closes the books and speaks."""
    is_first = meeting is None or meeting.place == 0
    close = partial(_close_books, plan) if is_first else _leave_books
    if received and (cause is None or cause.weight in (Weight.DIED, Weight.STOPPED, Weight.LOST_PEER)):
        if cause is None and RunDir(plan.run_dir, is_main=False).run().get("status") in OVER:
            return  # the signal came while the run was waiting for its outbox, and cut that short
        close("interrupted", f"stopped by {signal.Signals(received).name}")
        raise _echo(Interrupted(received), not is_first)
    if cause is None:
        return
    if cause.is_signal:
        close("interrupted", cause.message)
        raise _echo(Interrupted(cause.exit_code - 128), not is_first)
    elsewhere = meeting is not None and cause.host not in ("", meeting.host)
    close("failed", cause.message, overrule=cause.weight == Weight.DIED or elsewhere)
    raise _echo(WorkerFailure(cause), meeting is not None and not is_first and meeting.first_heard)


def _echo(error: E, is_echo: bool) -> E:
    """`error`, which another node says."""
    error.is_echo = is_echo  # type: ignore[attr-defined]
    return error


def _leave_books(status: str, message: str, *, overrule: bool = False) -> None:
    """Another node closes them."""


def _unexplained(rank: int, pid: int, code: int) -> Failure:
    said = killed(rank, pid, -code) if code < 0 else f"Rank {rank} (process {pid}) ended with exit code {code}."
    return Failure(rank, 1, said, "", 0.0, Weight.DIED)


def _close_books(plan: Plan, status: str, message: str, *, overrule: bool = False) -> None:
    """Write the end of a run whose rank 0 died before it could, or could not know why.

    With `overrule`, a rank died, and nobody stopped the run: the signal that rank 0 got came from the agent.
    """
    run_dir = RunDir(plan.run_dir)
    run = run_dir.run()
    if run.get("status") == "running" or (overrule and run.get("status") in (status, "interrupted")):
        outcome = {**(run.get("outcome") or {}), "status": status, "error": message, "signal": signal_in(message)}
        how = {"status": status, "ended": now()}
        run_dir.update_run(**how, outcome=outcome, attempts=attempts.ended(run.get("attempts", []), **how))
        run_dir.event("ended", status=status, error=message)
