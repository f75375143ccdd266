"""Whether a run computes in bfloat16: TRL's default, which fails where the hardware has none.

TRL 1.16 sets `bf16` where nobody did (`__post_init__` in trainer/base_config.py); transformers 5.23 then refuses it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from callsheet.distributed.world import world
from callsheet.errors import CallsheetError
from callsheet.process.machine import has_accelerator

logger = logging.getLogger("callsheet")


def with_precision(args: Mapping[str, Any]) -> dict[str, Any]:
    """`args` with a device and precision that this machine has, where the user chose none.

    What the user chose is kept, or refused with a `CallsheetError` where the machine lacks it.
    """
    from transformers.utils import is_torch_bf16_gpu_available

    chosen = {name: args[name] for name in ("use_cpu", "bf16", "fp16") if args.get(name) is not None}
    on_cpu = bool(chosen.get("use_cpu") or not has_accelerator())
    has_bf16 = not on_cpu and is_torch_bf16_gpu_available()
    _refuse_what_is_not_there(chosen, on_cpu, has_bf16)
    if chosen.get("bf16") or chosen.get("fp16") or has_bf16:
        return dict(args)
    decided = {"bf16": False} | ({"use_cpu": True} if on_cpu else {})
    if not decided.items() <= chosen.items():
        _say(on_cpu, chosen)
    return {**args, **decided}


def _refuse_what_is_not_there(chosen: Mapping[str, Any], on_cpu: bool, has_bf16: bool) -> None:
    lacking = "this machine has no accelerator" if on_cpu else "this accelerator has none"
    if chosen.get("use_cpu") is False and on_cpu:
        raise CallsheetError(f"trainer.args.use_cpu=false, but {lacking}. Set trainer.args.use_cpu=true.")
    if chosen.get("bf16") and not has_bf16 and not chosen.get("use_cpu"):
        instead = ", or trainer.args.use_cpu=true for bfloat16 on the CPU" if on_cpu else ", or fp16=true in its place"
        raise CallsheetError(
            f"trainer.args.bf16=true needs hardware with bfloat16, and {lacking}. Set trainer.args.bf16=false{instead}."
        )
    if chosen.get("fp16") and on_cpu:
        where = "trainer.args.use_cpu=true" if chosen.get("use_cpu") else lacking
        raise CallsheetError(f"trainer.args.fp16=true needs an accelerator, and {where}. Set trainer.args.fp16=false.")


def _say(on_cpu: bool, chosen: Mapping[str, Any]) -> None:
    if not world().is_main:
        return
    if not on_cpu:
        logger.warning("This accelerator has no bfloat16: training in float32. trainer.args.fp16=true is faster.")
    elif chosen.get("use_cpu"):
        logger.warning("Training on the CPU in float32 (bf16=false); trainer.args.bf16=true changes it.")
    else:
        logger.warning("No accelerator here: training on the CPU in float32 (use_cpu=true, bf16=false).")
