"""An average held in main memory beside a model on a GPU: weights are copied out while training goes on."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from callsheet.sharding import Shard
from callsheet_plugins.bema.average import Ema, blend
from callsheet_plugins.bema.lane import Copy, Lane


class Offload:
    """Blends weights that lie on a GPU into an average that does not, without keeping the loop waiting.

    They leave over a `lane` of their own while the next forward and backward run; a thread blends them once they have
    arrived. The optimizer's next step waits, on the device, for the copy, because it overwrites what is being copied.
    """

    def __init__(self, lane: Lane) -> None:
        from torch.optim.optimizer import register_optimizer_step_pre_hook

        self._lane = lane
        self._copy: Copy | None = None
        self._blending: Future[None] | None = None
        self._thread = ThreadPoolExecutor(1, "callsheet-bema")
        self._hook = register_optimizer_step_pre_hook(self._before_step)

    def update(self, ema: Ema, shards: Mapping[str, Shard], share: float) -> None:
        """Begin an update; returns at once, unless the one before is still on its way."""
        self.settle()
        self._copy = self._lane.copy({name: shards[name] for name in ema})
        self._blending = self._thread.submit(_blend, ema, self._copy, share)

    def settle(self) -> None:
        """Wait until the average holds every update. Raises what went wrong in one, also when asked again."""
        if self._blending is not None:
            self._blending.result()
        self._blending = self._copy = None

    def close(self) -> None:
        """Wait for nothing: what is under way may never arrive, if it is what the run failed of."""
        self._hook.remove()
        self._thread.shutdown(wait=False)

    def _before_step(self, *about: Any) -> None:
        if self._copy is not None:
            self._copy.hold()  # each optimizer that steps, on whatever stream


def _blend(ema: Ema, copy: Copy, share: float) -> None:
    copy.wait()
    for name, average in ema.items():
        blend(average, copy.tensors[name], share)


def crossing(shards: Mapping[str, Shard], ema: Ema) -> dict[Any, Ema]:
    """The averages in main memory of weights that are on a GPU, by that GPU: each has streams of its own.

    An engine may keep master weights in main memory itself, of all parameters or of those that a rank has none of.
    """
    leaving: dict[Any, Ema] = {}
    for name, average in ema.items():
        device = shards[name].read().device
        if device.type == "cuda" and average.device.type == "cpu":
            leaving.setdefault(device, {})[name] = average
    return leaving
