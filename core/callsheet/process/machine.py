"""What of this machine this process may use: its CPU cores and GPUs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NVIDIA = Path("/proc/driver/nvidia/gpus")
NODES = Path("/dev")


def cores() -> int:
    """The CPU cores that this process may run on: those it is pinned to, where the system can say so."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpus(folder: Path = NVIDIA, nodes: Path = NODES) -> int:
    """The NVIDIA GPUs that this process may see, found without torch: for what is decided before a run."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([one for one in visible.split(",") if one.strip() and one.strip() != "-1"])
    return len(list(folder.iterdir() if folder.is_dir() else nodes.glob("nvidia[0-9]*")))  # some containers hide /proc


def trains_on_cpu(args: Mapping[str, Any]) -> bool:
    """Whether a run with these `trainer.args` trains on the CPU: because it says so, or because there is no GPU."""
    return bool(args.get("use_cpu")) or gpus() == 0


def has_accelerator() -> bool:
    """Whether torch, where it is loaded anyway, can train on more than the CPU: a GPU of whatever make, or an NPU."""
    import torch

    return bool(torch.accelerator.is_available())
