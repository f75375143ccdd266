"""The engines that spread a model over processes: their arguments, and whether they are what they claim to be."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from callsheet.config.schema import LaunchSettings
from callsheet.distributed.world import World
from callsheet.errors import CallsheetError, counted
from callsheet.launch import devices
from callsheet.privates.deepspeed import without_compiler

ZERO: dict[str, Any] = {
    "train_batch_size": "auto",
    "train_micro_batch_size_per_gpu": "auto",
    "gradient_accumulation_steps": "auto",
    "gradient_clipping": "auto",
    "bf16": {"enabled": "auto"},
    "fp16": {"enabled": "auto"},
    # No optimizer block: the trainer's own is used, where DeepSpeed's would be compiled first.
    "zero_allow_untested_optimizer": True,
}
STAGES: dict[str, dict[str, Any]] = {
    "zero2": {"stage": 2, "overlap_comm": True, "contiguous_gradients": True, "reduce_bucket_size": "auto"},
    "zero3": {
        "stage": 3,
        "overlap_comm": True,
        "contiguous_gradients": True,
        "reduce_bucket_size": "auto",
        "stage3_prefetch_bucket_size": "auto",
        "stage3_param_persistence_threshold": "auto",
        "stage3_gather_16bit_weights_on_model_save": True,
    },
}
FSDP2: dict[str, Any] = {
    "version": 2,
    "reshard_after_forward": True,
    "auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
    "state_dict_type": "FULL_STATE_DICT",
}
ARGUMENTS = ("deepspeed", "fsdp", "fsdp_config")


def arguments(launch: LaunchSettings) -> dict[str, Any]:
    """The trainer's arguments that choose the engine, with `launch.config` laid over their defaults."""
    if launch.name in STAGES:
        return {"deepspeed": merged({**ZERO, "zero_optimization": STAGES[launch.name]}, launch.config)}
    if launch.name == "fsdp2":
        return {"fsdp": True, "fsdp_config": merged(FSDP2, launch.config)}
    return {}


def problems(launch: LaunchSettings, args: Mapping[str, Any]) -> list[str]:
    """What stands against the engine, found without importing it."""
    found = [
        f"trainer.args.{name} and launch={launch.name} both choose the engine. Leave trainer.args.{name} out; "
        "details go into launch.config."
        for name in ARGUMENTS
        if launch.name != "single" and args.get(name)
    ]
    if launch.name in STAGES and find_spec("deepspeed") is None:
        found.append(f"launch={launch.name} needs the package deepspeed: pip install 'callsheet[distributed]'")
    if launch.config and launch.name not in (*STAGES, "fsdp2"):
        found.append(f"launch.config configures DeepSpeed or FSDP; launch={launch.name} uses neither.")
    if launch.config.get("optimizer"):
        found.append("launch.config.optimizer would be compiled first; choose the optimizer with trainer.args.optim.")
    return found


def prepare(launch: LaunchSettings, *, on_cpu: bool) -> None:
    """What must be settled before the engine is imported or started."""
    if launch.name not in STAGES or not on_cpu:
        return
    os.environ.setdefault("DS_ACCELERATOR", "cpu")
    without_compiler()


def join(launch: LaunchSettings) -> None:
    """Let DeepSpeed use the process group that exists: on CPUs the trainer makes one that it does not know of."""
    if launch.name in STAGES:
        comm = import_module("deepspeed.comm")  # an extra, which type checkers need not find
        if not comm.is_initialized():
            import torch.distributed as dist

            comm.init_distributed(dist_backend=dist.get_backend(), auto_mpi_discovery=False, verbose=False)


def require(launch: LaunchSettings, world: World, size: int) -> None:
    """Raise `CallsheetError` unless as many processes run as were asked for and started."""
    asked = (launch.processes or 0) * launch.nodes
    if asked and size != asked:
        wanted, runs = counted(asked, "process", "processes"), f"{size} run{'s' if size == 1 else ''}"
        raise CallsheetError(
            f"launch.processes={launch.processes} on launch.nodes={launch.nodes} asks for {wanted}, "
            f"but {runs}{f', started by {world.starter}' if world.starter else ''}."
        )
    if size != world.size:
        raise CallsheetError(
            f"{counted(world.size, 'process', 'processes')} started, but the trainer sees {size}. "
            "Is trainer.args.ddp_backend right for this machine?"
        )


def require_engine(launch: LaunchSettings, accelerator: Any) -> str:
    """The engine that really runs. Raises `CallsheetError` for one not asked for: libraries fall back silently.

    launch=single asks for none in particular, so that `torchrun` and `accelerate launch` may bring theirs.
    """
    running = engine_of(accelerator)
    if launch.name in ("single", running):
        return running
    if launch.name == "ddp" and running == "single":
        return running  # one process of DDP has nobody to exchange anything with
    if launch.name == "fsdp2" and accelerator.device.type == "cpu":
        raise CallsheetError(f"launch=fsdp2 needs a GPU: {devices.NEED_GPU['fsdp2']}")
    raise CallsheetError(f"launch={launch.name} was asked for, but {running} is what runs.")


def engine_of(accelerator: Any) -> str:
    """The engine by its launch name: single, ddp, zero1, zero2, zero3, fsdp1 or fsdp2."""
    kind = str(accelerator.distributed_type.value)
    if kind == "DEEPSPEED":
        return f"zero{accelerator.state.deepspeed_plugin.zero_stage}"
    if kind == "FSDP":
        return f"fsdp{accelerator.state.fsdp_plugin.fsdp_version}"
    return "single" if kind == "NO" else "ddp"


def merged(defaults: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`changes` laid over `defaults`, section by section.

    >>> merged({"a": {"b": 1, "c": 2}}, {"a": {"c": 3}})
    {'a': {'b': 1, 'c': 3}}
    """
    result = dict(defaults)
    for key, value in changes.items():
        before = result.get(key)
        both = isinstance(value, Mapping) and isinstance(before, Mapping)
        result[key] = merged(before, value) if both else value  # type: ignore[arg-type]  # both are mappings
    return result
