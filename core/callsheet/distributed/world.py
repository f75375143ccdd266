"""Which process of how many this is, and what all of them must agree on."""

from __future__ import annotations

import atexit
import ctypes
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, NoReturn, TypeVar

from callsheet.errors import CallsheetError

DRIVER = "CALLSHEET_DRIVER"  # the process id of the driver that started this worker
PR_SET_PDEATHSIG = 1
FIRST_PORT, PORTS = 20_000, 20_000

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """The place of this process among those that were started together."""

    rank: int = 0
    size: int = 1
    starter: str = ""

    @property
    def is_worker(self) -> bool:
        """Whether somebody started this process as one of several, be it Callsheet, torchrun or Slurm."""
        return bool(self.starter)

    @property
    def is_driven(self) -> bool:
        """Whether Callsheet's own driver started it, which has done the preflight and will do the talking."""
        return self.starter == "callsheet"

    @property
    def is_main(self) -> bool:
        return self.rank == 0


def world(environ: Mapping[str, str] = os.environ) -> World:
    """The world that the environment tells of; a lone process where it tells of none."""
    if "RANK" not in environ or "WORLD_SIZE" not in environ:
        return World()
    if DRIVER in environ:
        starter = "callsheet"
    elif "SLURM_PROCID" in environ and "TORCHELASTIC_RUN_ID" not in environ:
        starter = "srun"
    else:
        starter = "torchrun" if "TORCHELASTIC_RUN_ID" in environ else "the environment"
    return World(int(environ["RANK"]), int(environ["WORLD_SIZE"]), starter)


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


def broadcast(decide: Callable[[], T]) -> T:
    """What `decide` returns on rank 0, on every rank; a `CallsheetError` that it raises there is raised everywhere."""
    group = cpu_group()
    if group is None:
        return decide()
    import torch.distributed as dist

    box: list[Any] = [None, None]
    if dist.get_rank() == 0:
        try:
            box[0] = decide()
        except CallsheetError as error:
            box[1] = error
    dist.broadcast_object_list(box, src=0, group=group)
    if box[1] is not None:
        raise box[1]
    return box[0]  # type: ignore[no-any-return]  # it was a T on rank 0


def all_gather(value: T) -> list[T]:
    """The `value` of every rank, on every rank."""
    group = cpu_group()
    if group is None:
        return [value]
    import torch.distributed as dist

    values: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(values, value, group=group)
    return values


def cpu_group() -> Any:
    """A gloo group of all ranks, which neither NCCL nor the device queue waits for; None for a lone process."""
    if "torch" not in sys.modules:
        return None
    import torch.distributed as dist

    return _gloo() if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1 else None


@cache
def _gloo() -> Any:
    import torch.distributed as dist

    # The others may wait at the end for as long as rank 0 sees its outbox off; a rank that dies is noticed at once.
    return dist.new_group(backend="gloo", timeout=timedelta(days=2))


def barrier() -> None:
    """Wait until every rank has come here: who leaves early makes its launcher stop the others."""
    if (group := cpu_group()) is not None:
        import torch.distributed as dist

        dist.barrier(group=group)


def die_with_driver() -> None:
    """Have the kernel kill this worker when its driver is gone, however that went."""
    driver = os.environ.get(DRIVER)
    if driver is None or sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(driver):  # it died before the kernel was asked
        os._exit(1)


def leave(code: int) -> NoReturn:
    """End this worker without tearing torch down.

    Of 40 pairs of processes that simply returned, four died in the destructors of gloo's threads ("terminate called
    without an active exception"), with all their work done; of 40 that leave like this, none.
    """
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
