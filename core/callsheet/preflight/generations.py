"""Checks of the sizes of GRPO and RLOO: what is generated at a time must hold whole groups of completions."""

from __future__ import annotations

from collections.abc import Iterator

from callsheet.config.plan import Plan
from callsheet.distributed.world import world
from callsheet.errors import CallsheetError, counted
from callsheet.launch.devices import processes_per_node
from callsheet.preflight.evaluation import Arguments

CONFIGS = ("trl.GRPOConfig", "trl.RLOOConfig")
BATCH, STEPS, GROUP = "generation_batch_size", "steps_per_generation", "num_generations"


def problems(plan: Plan) -> list[str]:
    """List the sizes that TRL would refuse once it is imported: `__post_init__` of both classes, in TRL 1.16."""
    processes = _processes(plan)
    if plan.trainer.config_class not in CONFIGS or processes is None:
        return []
    args = Arguments(plan)
    group = int(args.number(GROUP))
    rows = int(args.number("per_device_train_batch_size")) * processes
    if group < 1 or rows < 1:
        return []  # said by their ranges
    return [*_training(args, group, rows, processes), *_evaluation(args, group, processes)]


def _processes(plan: Plan) -> int | None:
    if plan.launch.name == "single":
        return world().size
    try:
        return processes_per_node(plan) * plan.launch.nodes
    except CallsheetError:
        return None


def _training(args: Arguments, group: int, rows: int, processes: int) -> Iterator[str]:
    if args[BATCH] is not None and args[STEPS] is not None:
        yield f"trainer.args.{BATCH} and trainer.args.{STEPS} say the same; set one of them."
        return
    if args[BATCH] is not None:
        generated, of = int(args.number(BATCH)), f"{BATCH}"
        if generated % rows:
            yield f"trainer.args.{BATCH}={generated} must be a multiple of the {rows} rows of a step, {_of(processes)}."
            return
    else:
        factor = STEPS if args[STEPS] is not None else "gradient_accumulation_steps"
        generated, of = rows * int(args.number(factor)), f"{_of(processes)} × {factor}"
    if generated % group:
        yield (
            f"trainer.args.{GROUP}={group} does not divide the {_generated(generated)} generated at a time "
            f"({of}). Change one of them."
        )


def _evaluation(args: Arguments, group: int, processes: int) -> Iterator[str]:
    of_group = "num_generations_eval" if args["num_generations_eval"] else GROUP
    rows, group = int(args.number("per_device_eval_batch_size")) * processes, int(args.number(of_group)) or group
    if args.evaluates and rows % group:
        yield (
            f"trainer.args.{of_group}={group} does not divide the {counted(rows, 'row')} of an evaluation batch "
            f"({_of(processes, 'per_device_eval_batch_size')}). Change one of them."
        )


def _generated(number: int) -> str:
    return f"{counted(number, 'completion')} that {'is' if number == 1 else 'are'}"


def _of(processes: int, name: str = "per_device_train_batch_size") -> str:
    return name if processes == 1 else f"{name} × {processes} processes"
