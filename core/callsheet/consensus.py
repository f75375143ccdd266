"""Agreement of all ranks on what plugins and signals asked for, without touching the device."""

from __future__ import annotations

from typing import Any

KINDS = ("stop", "save", "eval", "signal")


class Consensus:
    """Merges requests over ranks once a step: what one rank asks for, all do, at the same step.

    Runs over a gloo group of its own on the CPU, so that neither NCCL nor the device queue waits for it.
    """

    def __init__(self, world_size: int) -> None:
        self.group: Any = None
        if world_size > 1:
            import torch.distributed as dist

            self.group = dist.new_group(backend="gloo") if dist.is_initialized() else None

    def merge(self, asked: set[str]) -> set[str]:
        """The union of `asked` over all ranks; every rank must call it at the same step."""
        if self.group is None:
            return asked
        import torch
        import torch.distributed as dist

        flags = torch.tensor([kind in asked for kind in KINDS], dtype=torch.int32)
        dist.all_reduce(flags, op=dist.ReduceOp.MAX, group=self.group)
        return {kind for kind, flag in zip(KINDS, flags.tolist(), strict=True) if flag}
