"""The world that srun made, said in torch's words, and what Slurm says of a job."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, MutableMapping, Sequence

# Below those that Linux hands out by itself. A prime number of ports keeps jobs far apart that are near in time.
FIRST_PORT, PORTS, PORTS_OF_A_JOB = 20_000, 12_007, 101
OF_SLURM, OF_THE_JOB = (
    ("SLURM_", "SLURMD_"),
    ("SLURM_CONF", "SLURM_CLUSTER", "SLURM_JOB", "SLURM_ARRAY", "SLURMD_NODENAME"),
)
ASK_SECONDS = 15.0  # a controller that is down keeps squeue waiting for 9
GONE = "GONE"
ALONE = 3  # jobs that are asked for one by one
FURTHEST = {"RUNNING": 0, "PENDING": 1}


def join_slurm(environ: MutableMapping[str, str], nodes: int = 1, processes: int | None = None) -> None:
    """Where `srun` started this process as one of several, say so in torch's words.

    One task for each of several nodes is taken as the driver of its node, when each node is to get several processes.
    """
    started = tasks(environ)
    if "RANK" in environ or started == 1 or (started == nodes and processes != 1):
        return
    environ["RANK"], environ["WORLD_SIZE"] = environ["SLURM_PROCID"], str(started)
    environ["LOCAL_RANK"] = environ.get("SLURM_LOCALID", "0")
    environ["LOCAL_WORLD_SIZE"] = environ.get("SLURM_STEP_TASKS_PER_NODE", str(started)).partition("(")[0].split(",")[0]
    environ.setdefault("MASTER_ADDR", first_node(environ))
    environ.setdefault("MASTER_PORT", str(port(environ)))


def port(environ: Mapping[str, str]) -> int:
    """Where the processes of a job step meet; another step, or another job of this time, meets elsewhere."""
    job, step = int(environ.get("SLURM_JOB_ID", 0)), int(environ.get("SLURM_STEP_ID", 0))
    return FIRST_PORT + (PORTS_OF_A_JOB * job + step) % PORTS


def in_step(environ: Mapping[str, str]) -> bool:
    """Whether `srun` started this process: a batch script has the variables of its job alone."""
    return "SLURM_STEP_NUM_TASKS" in environ


def of_this_task(environ: Mapping[str, str]) -> list[str]:
    """The variables by which `srun` tells a process its place: what it starts for itself is no task of that step."""
    return [name for name in environ if name.startswith(OF_SLURM) and not name.startswith(OF_THE_JOB)]


def tasks(environ: Mapping[str, str]) -> int:
    return int(environ.get("SLURM_STEP_NUM_TASKS", 1))  # not SLURM_NTASKS: a batch script has that one too


def step_nodes(environ: Mapping[str, str]) -> int:
    """How many nodes the step has that this process belongs to."""
    return int(environ.get("SLURM_STEP_NUM_NODES", 1))


def nodes(environ: Mapping[str, str]) -> int:
    """How many nodes the job has."""
    return int(environ.get("SLURM_JOB_NUM_NODES", 1))


def node_list(environ: Mapping[str, str]) -> str:
    """The nodes of the step, or else of the job, in Slurm's shorthand."""
    return environ.get("SLURM_STEP_NODELIST") or environ.get("SLURM_JOB_NODELIST", "localhost")


def node(environ: Mapping[str, str]) -> str:
    """The name of this node, by which the others of its job know it; without Slurm, that of the machine."""
    return environ.get("SLURMD_NODENAME") or os.uname().nodename


def is_first_node(environ: Mapping[str, str]) -> bool:
    """Whether this is the first node of its step, or no step of Slurm's at all."""
    return not in_step(environ) or environ.get("SLURM_NODEID", "0") == "0"


def first_node(environ: Mapping[str, str]) -> str:
    """The first host of a Slurm step.

    >>> first_node({"SLURM_STEP_NODELIST": "gpu[03-04,07],cpu1"})
    'gpu03'
    """
    found = re.match(r"([^\[,]+)(?:\[(\w+))?", node_list(environ))
    return f"{found.group(1)}{found.group(2) or ''}" if found else "localhost"


class JobStates:
    """What Slurm says of jobs; each is asked for once, and none any more once Slurm could not be asked.

    Who asks for more than a few is answered from one list of all jobs: a hundred processes would take seconds.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, str]] = {}
        self._all: dict[str, tuple[str, str]] | None = None
        self._reachable = True

    def __call__(self, job: str) -> tuple[str, str]:
        """The state of a job, such as RUNNING, and its reason; GONE if Slurm knows no such job (any more).

        Of an array, that of the task that is furthest: one that runs, or else one that waits. Both are empty if Slurm
        cannot be asked from here.
        """
        if job not in self._known and self._reachable:
            self._known[job] = _ask(job) if len(self._known) < ALONE else self._of_all(job)
            self._reachable = bool(self._known[job][0])
        return self._known.get(job, ("", ""))

    def _of_all(self, job: str) -> tuple[str, str]:
        if self._all is None:
            self._all = _list()
        return self._all.get(job, (GONE, "")) if self._all else ("", "")


def _ask(job: str) -> tuple[str, str]:
    asked = _squeue(f"--jobs={job}", "--format=%T|%r")
    if asked is None:
        return "", ""
    if "Invalid job id" in asked.stderr or (asked.returncode == 0 and not asked.stdout.strip()):
        return GONE, ""
    if asked.returncode:
        return "", ""
    return _furthest(asked.stdout.strip().splitlines())


def _list() -> dict[str, tuple[str, str]]:
    """All jobs, an array as one; none where Slurm cannot be asked."""
    asked = _squeue("--all", "--format=%F|%T|%r")
    if asked is None or asked.returncode:
        return {}
    tasks: dict[str, list[str]] = {"": [GONE]}
    for line in asked.stdout.splitlines():
        job, _, task = line.strip().partition("|")
        tasks.setdefault(job, []).append(task)
    return {job: _furthest(found) for job, found in tasks.items()}


def _furthest(tasks: Sequence[str]) -> tuple[str, str]:
    """The state and reason of the task that is furthest."""
    state, _, reason = min(tasks, key=lambda task: FURTHEST.get(task.partition("|")[0], 2)).partition("|")
    return state, "" if reason == "None" else reason


def _squeue(*options: str) -> subprocess.CompletedProcess[str] | None:
    command = ["squeue", "--noheader", *options]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=ASK_SECONDS, check=False)
    except (OSError, subprocess.SubprocessError):
        return None


def job_of(environ: Mapping[str, str]) -> str:
    """The number of the Slurm job that this process belongs to: of an array, that of the whole; empty without Slurm."""
    return environ.get("SLURM_ARRAY_JOB_ID") or environ.get("SLURM_JOB_ID", "")
