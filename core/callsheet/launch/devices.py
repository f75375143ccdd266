"""How many processes fit on this machine, found without torch."""

from __future__ import annotations

import os
from pathlib import Path

from callsheet.config.plan import Plan
from callsheet.errors import CallsheetError

NVIDIA = Path("/proc/driver/nvidia/gpus")


def gpus(folder: Path = NVIDIA) -> int:
    """The NVIDIA GPUs that this process may see."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([one for one in visible.split(",") if one.strip() and one.strip() != "-1"])
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def on_cpu(plan: Plan) -> bool:
    return bool(plan.trainer.args.get("use_cpu")) or gpus() == 0


def processes_per_node(plan: Plan) -> int:
    """`launch.processes`, or one per GPU where it is left out."""
    if plan.launch.processes:
        return plan.launch.processes
    if on_cpu(plan):
        raise CallsheetError(f"launch={plan.launch.name} needs launch.processes on a machine without GPUs.")
    return gpus()


def problems(plan: Plan) -> tuple[list[str], list[str]]:
    """What is wrong with the number of processes, and what is only unwise."""
    if plan.launch.name == "single":
        asked = (plan.launch.processes or 1) * plan.launch.nodes
        return ([] if asked == 1 else [_single(asked)]), []
    try:
        processes = processes_per_node(plan)
    except CallsheetError as error:
        return [str(error)], []
    if not on_cpu(plan) and processes > gpus():
        return [f"launch.processes={processes} asks for more processes than this machine has GPUs ({gpus()})."], []
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if on_cpu(plan) and processes > cores:
        return [], [f"launch.processes={processes} share {cores} CPU cores, and will be slow."]
    return [], []


def _single(asked: int) -> str:
    return f"launch=single is one process, and {asked} are asked for. Choose launch=ddp, zero2, zero3 or fsdp2."
