"""A run on several nodes that is begun on one of them: by a batch script, or by a worker that has claimed an arm."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any
from uuid import uuid4

from callsheet.config.plan import Plan
from callsheet.distributed import slurm
from callsheet.distributed.world import ARM, arm_file
from callsheet.launch.hidden_overrides import hide
from callsheet.process.environment import changed_environment
from callsheet.process.signals import RELAYED, SIGNALS, is_echo

PR_SET_PDEATHSIG = 1


def wanted(plan: Plan, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this process is alone in a Slurm job, and its run is to have several nodes of it."""
    several = plan.launch.name != "single" and plan.launch.nodes > 1 and not plan.launch.endpoint
    return several and bool(slurm.job_of(environ)) and not slurm.in_step(environ)


def run(plan: Plan, overrides: Sequence[str]) -> int:
    """Start `callsheet train overrides` on each node, by `srun`; the largest exit code, once all have ended.

    The first signal goes to the processes that `srun` started: `srun` itself would kill them.
    """
    name = f"callsheet-{uuid4().hex[:12]}"
    shown, hidden = hide(overrides)
    train = [sys.executable, "-m", "callsheet", "train", *shown, f"output_dir={plan.run_dir}"]
    with changed_environment({**hidden, **handed_on()}):
        step = subprocess.Popen(
            command(plan.launch.nodes, train, name), start_new_session=True, preexec_fn=_end_with_us
        )
    with _passing_on(step, name):
        return step.wait()


def handed_on() -> dict[str, str]:
    """What the processes on the nodes are told: they are the run of this arm, as this process would have been."""
    arm = arm_file()
    return {RELAYED: "1", **({ARM: str(arm)} if arm else {})}


def command(nodes: int, argv: Sequence[str], name: str) -> list[str]:
    """The `srun` that starts `argv` once on each node, beside what else runs there, such as the worker of an arm."""
    place = (f"--nodes={nodes}", f"--ntasks={nodes}", "--ntasks-per-node=1", "--overlap")
    return ["srun", f"--job-name={name}", *place, "--", *argv]


@contextmanager
def _passing_on(step: subprocess.Popen[bytes], name: str) -> Iterator[None]:
    told: list[float] = []

    def handle(signum: int, frame: FrameType | None) -> None:
        if told and is_echo(told[0]):
            return
        told.append(time.monotonic())
        if len(told) > 1 or not _signal(name, signum):
            step.terminate()

    before: dict[signal.Signals, Any] = {}
    with suppress(ValueError):  # only the main thread may set handlers
        for signum in SIGNALS:
            before[signum] = signal.signal(signum, handle)
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _signal(name: str, signum: int) -> bool:
    """Send a signal to the tasks of the step with this name; False where there is none, or Slurm does not answer."""
    steps = ["squeue", "--noheader", "--steps", f"--jobs={os.environ['SLURM_JOB_ID']}", "--format=%i %j"]
    with suppress(OSError, subprocess.SubprocessError):
        listed = subprocess.run(steps, capture_output=True, text=True, timeout=slurm.ASK_SECONDS, check=True).stdout
        for number in (line.split()[0] for line in listed.splitlines() if line.split()[1:] == [name]):
            sent = ["scancel", f"--signal={signal.Signals(signum).name.removeprefix('SIG')}", number]
            subprocess.run(sent, capture_output=True, timeout=slurm.ASK_SECONDS, check=True)
            return True
    return False


def _end_with_us() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
