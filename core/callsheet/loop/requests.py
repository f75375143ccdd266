"""Agreement of all ranks on what plugins and signals asked for, without touching the device."""

from __future__ import annotations

from typing import Any

from callsheet.distributed.collectives import cpu_group

KINDS = ("stop", "save", "eval", "signal")


class Consensus:
    """Merges requests over ranks once a step: what one rank asks for, all do, at the same step."""

    def __init__(self, world_size: int) -> None:
        self.group: Any = cpu_group() if world_size > 1 else None

    def merge(self, asked: set[str]) -> set[str]:
        """The union of `asked` over all ranks; every rank must call it at the same step."""
        if self.group is None:
            return asked
        import torch
        import torch.distributed as dist

        flags = torch.tensor([kind in asked for kind in KINDS], dtype=torch.int32)
        dist.all_reduce(flags, op=dist.ReduceOp.MAX, group=self.group)
        return {kind for kind, flag in zip(KINDS, flags.tolist(), strict=True) if flag}
