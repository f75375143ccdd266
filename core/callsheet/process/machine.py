"""The machine: the CPU cores and GPUs that this process may use, and which other processes are there."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

NVIDIA = Path("/proc/driver/nvidia/gpus")
NODES = Path("/dev")
PROCESSES = Path("/proc")


def cores() -> int:
    """The number of CPU cores that this process may run on; pinning counts, if the system can tell."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpus(folder: Path = NVIDIA, nodes: Path = NODES) -> int:
    """The number of NVIDIA GPUs that this process may see, found without torch, for decisions before a run."""
    return len(visible_gpus(folder, nodes))


def visible_gpus(folder: Path = NVIDIA, nodes: Path = NODES) -> list[str]:
    """The same GPUs by number, or by the name that CUDA_VISIBLE_DEVICES gives them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for one in visible.split(",") if (name := one.strip()) and name != "-1"]
    return [str(number) for number in range(gpus_present(folder, nodes))]


def gpus_present(folder: Path = NVIDIA, nodes: Path = NODES) -> int:
    """The number of NVIDIA GPUs of this machine, whether this process may see them or not."""
    return len(list(folder.iterdir() if folder.is_dir() else nodes.glob("nvidia[0-9]*")))  # some containers hide /proc


def others(nodes: Path = NODES) -> bool:
    """Whether there may be an accelerator of another make (AMD, Gaudi, Ascend); only torch could tell for sure."""
    return any(any(nodes.glob(name)) for name in ("kfd", "accel*", "davinci[0-9]*"))


def trains_on_cpu(args: Mapping[str, Any]) -> bool:
    """Whether a run with these `trainer.args` trains on the CPU: `use_cpu` says so, or there is no GPU."""
    return bool(args.get("use_cpu")) or gpus() == 0


def has_accelerator() -> bool:
    """Whether torch can train on a GPU of any make or an NPU. Imports torch: call it if torch is loaded anyway."""
    import torch

    return bool(torch.accelerator.is_available())


def answers(pid: int) -> bool:
    """Whether a process of this machine has this number, a zombie too; never for 0 and less, which are groups."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):  # what a damaged file says may be no number of a process
        return False
    except OSError:  # somebody else's
        return True
    return True


def descendants(pid: int) -> list[int]:
    """The processes that `pid` has started, and what these have, also in sessions of their own, which no group reaches.

    Empty where the system has no table of processes. Ask while they live: what a process leaves is another's child.
    """
    parents = _parents()
    found, last = [], {pid}
    while last := {child for child, parent in parents.items() if parent in last}:
        found += sorted(last)
    return found


def kill_all(pids: list[int]) -> None:
    """Kill those that are still there."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _parents() -> dict[int, int]:
    found: dict[int, int] = {}
    for path in PROCESSES.glob("[0-9]*/stat"):
        with suppress(OSError):
            text = path.read_text(encoding="ascii", errors="replace")
            found[int(path.parent.name)] = int(text.rpartition(")")[2].split()[1])
    return found
