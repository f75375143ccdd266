"""An average in main memory of a model on a GPU: weights are copied while training goes on."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from callsheet.sharding import Shard
from callsheet_plugins.bema.average import Ema, blend
from callsheet_plugins.bema.lane import Copy, Lane


class Offload:
    """Blends weights on a GPU into an average in main memory, without blocking the loop.

    `lane` copies the weights while the next forward and backward run, then a thread blends them. On the device, the
    optimizer's next step waits for the copy, because it overwrites the weights that are copied.
    """

    def __init__(self, lane: Lane) -> None:
        from torch.optim.optimizer import register_optimizer_step_pre_hook

        self._lane = lane
        self._copy: Copy | None = None
        self._blending: Future[None] | None = None
        self._thread = ThreadPoolExecutor(1, "callsheet-bema")
        self._hook = register_optimizer_step_pre_hook(self._before_step)

    def update(self, ema: Ema, shards: Mapping[str, Shard], share: float) -> None:
        """Start an update; returns at once, unless the previous update is still running."""
        self.settle()
        self._copy = self._lane.copy({name: shards[name] for name in ema})
        self._blending = self._thread.submit(_blend, ema, self._copy, share)

    def settle(self) -> None:
        """Wait until the average holds every update. Raises the error of an update, and raises it again if repeated."""
        if self._blending is not None:
            self._blending.result()
        self._blending = self._copy = None

    def close(self) -> None:
        """Stop without waiting: if a copy made the run fail, it may never complete."""
        self._hook.remove()
        self._thread.shutdown(wait=False)

    def _before_step(self, *about: Any) -> None:
        if self._copy is not None:
            self._copy.hold()  # for every optimizer that steps, on any stream


def _blend(ema: Ema, copy: Copy, share: float) -> None:
    copy.wait()
    for name, average in ema.items():
        blend(average, copy.tensors[name], share)


def crossing(shards: Mapping[str, Shard], ema: Ema) -> dict[Any, Ema]:
    """The averages in main memory whose weights are on a GPU, grouped by GPU, because each GPU has its own streams.

    Not every weight is on a GPU: an engine may keep all master weights, or empty shards, in main memory.
    """
    leaving: dict[Any, Ema] = {}
    for name, average in ema.items():
        device = shards[name].read().device
        if device.type == "cuda" and average.device.type == "cpu":
            leaving.setdefault(device, {})[name] = average
    return leaving
