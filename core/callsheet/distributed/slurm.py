"""The world that srun made, said in torch's words."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping

FIRST_PORT, PORTS = 20_000, 20_000


def join_slurm(environ: MutableMapping[str, str], nodes: int = 1, processes: int | None = None) -> None:
    """Where `srun` started this process as one of several, say so in torch's words.

    One task for each of several nodes is taken as the driver of its node, when each node is to get several processes.
    """
    tasks = int(environ.get("SLURM_STEP_NUM_TASKS", 1))  # not SLURM_NTASKS: a batch script has that one too
    if "RANK" in environ or tasks == 1 or (tasks == nodes and processes != 1):
        return
    job = int(environ.get("SLURM_JOB_ID", 0)) + int(environ.get("SLURM_STEP_ID", 0))
    environ["RANK"], environ["WORLD_SIZE"] = environ["SLURM_PROCID"], str(tasks)
    environ["LOCAL_RANK"] = environ.get("SLURM_LOCALID", "0")
    environ["LOCAL_WORLD_SIZE"] = environ.get("SLURM_STEP_TASKS_PER_NODE", str(tasks)).partition("(")[0].split(",")[0]
    environ.setdefault("MASTER_ADDR", first_node(environ))
    environ.setdefault("MASTER_PORT", str(FIRST_PORT + job % PORTS))


def first_node(environ: Mapping[str, str]) -> str:
    """The first host of a Slurm step.

    >>> first_node({"SLURM_STEP_NODELIST": "gpu[03-04,07],cpu1"})
    'gpu03'
    """
    nodes = environ.get("SLURM_STEP_NODELIST") or environ.get("SLURM_JOB_NODELIST", "localhost")
    found = re.match(r"([^\[,]+)(?:\[(\w+))?", nodes)
    return f"{found.group(1)}{found.group(2) or ''}" if found else "localhost"
