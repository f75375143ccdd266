"""Which weights are on a GPU, and when an optimizer overwrites them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from callsheet.sharding import Shard

IN_BACKWARD = ("Lomo", "AdaLomo")  # lomo-optim's, which write each weight when its gradient is there


def on_gpus(shards: Mapping[str, Shard]) -> dict[Any, dict[str, Shard]]:
    """The shards that are on a GPU, by GPU: each has its own streams.

    Not every shard is on one: an engine may keep all master weights, or empty shards, in main memory.
    """
    found: dict[Any, dict[str, Shard]] = {}
    for name, shard in shards.items():
        weights = shard.read()
        if weights.device.type == "cuda" and weights.numel():
            found.setdefault(weights.device, {})[name] = shard
    return found


def before_each_step(act: Callable[[], None]) -> Any:
    """Call `act` before every step of every optimizer; returns a handle with `remove`."""
    from torch.optim.optimizer import register_optimizer_step_pre_hook

    return register_optimizer_step_pre_hook(lambda *about: act())


def writes_in_steps_alone(optimizer: Any) -> bool:
    """Whether `optimizer` changes weights only in a `step` that PyTorch's hooks precede.

    LOMO writes in the backward pass. Schedule-free optimizers also write in `train` and `eval`, which no hook precedes.
    """
    from torch.optim import Optimizer

    own = getattr(optimizer, "optimizer", optimizer)  # accelerate and DeepSpeed wrap it
    is_free = callable(getattr(own, "train", None)) and callable(getattr(own, "eval", None))
    return isinstance(own, Optimizer) and not is_free and type(own).__name__ not in IN_BACKWARD
