"""How many processes fit on this machine, found without torch."""

from __future__ import annotations

from callsheet.config.plan import Plan
from callsheet.errors import CallsheetError
from callsheet.process.machine import cores, gpus, others, trains_on_cpu

# Engines that run on GPUs alone, with the reason.
NEED_GPU = {
    "fsdp2": "on CPUs accelerate would silently run plain DDP instead. Here, launch=ddp, zero2 and zero3 work.",
}


def on_cpu(plan: Plan) -> bool:
    return trains_on_cpu(plan.trainer.args)


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
    if plan.launch.name in NEED_GPU and on_cpu(plan) and (plan.trainer.args.get("use_cpu") or not others()):
        return [f"launch={plan.launch.name} needs a GPU: {NEED_GPU[plan.launch.name]}"], []
    try:
        processes = processes_per_node(plan)
    except CallsheetError as error:
        return [str(error)], []
    if not on_cpu(plan) and processes > gpus():
        return [f"launch.processes={processes} asks for more processes than this machine has GPUs ({gpus()})."], []
    if on_cpu(plan) and processes > cores():
        return [], [f"launch.processes={processes} share {cores()} CPU cores, and will be slow."]
    return [], []


def _single(asked: int) -> str:
    return f"launch=single is one process, and {asked} are asked for. Choose launch=ddp, zero2, zero3 or fsdp2."
