"""For tests only, on PYTHONPATH: FSDP on CPUs, which accelerate leaves at plain DDP without a word."""

import os
from typing import Any


def promote() -> None:
    from accelerate import state  # type: ignore[import-untyped]  # accelerate ships no types
    from accelerate.utils import DistributedType  # type: ignore[import-untyped]

    made = state.AcceleratorState.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        plugin = kwargs.get("fsdp_plugin")
        if plugin is not None and self.distributed_type == DistributedType.MULTI_CPU:
            self.distributed_type = DistributedType.FSDP
            self.fsdp_plugin = plugin
            state.PartialState().distributed_type = DistributedType.FSDP  # all of them share their attributes

    state.AcceleratorState.__init__ = init


def allow() -> None:
    """Keep the preflight from refusing it."""
    from callsheet.launch import devices

    devices.NEED_GPU.clear()


if "RANK" in os.environ:  # the workers; their driver imports nothing heavy
    promote()
else:
    allow()
