"""An average held in main memory beside a model on a GPU: weights are copied out while training goes on."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from callsheet.sharding import Shard
from callsheet_plugins.bema.average import Ema, blend

if TYPE_CHECKING:
    from torch import Tensor


class Offload:
    """Blends weights that lie on a GPU into an average that does not, without keeping the loop waiting.

    They go over a stream of their own into pinned memory (one copy in the model's dtype), while the next forward and
    backward run; a thread blends them once they have arrived. The optimizer's next step waits, on the device, for the
    copy, because it overwrites what is being copied.
    """

    def __init__(self, device: Any) -> None:
        import torch
        from torch.optim.optimizer import register_optimizer_step_pre_hook

        self._stream: Any = torch.cuda.Stream(device)
        self._pinned: dict[str, Tensor] = {}
        self._copied: Any = None
        self._blending: Future[None] | None = None
        self._thread = ThreadPoolExecutor(1, "callsheet-bema")
        self._hook = register_optimizer_step_pre_hook(self._before_step)

    def update(self, ema: Ema, shards: Mapping[str, Shard], share: float) -> None:
        """Begin an update; returns at once, unless the one before is still on its way."""
        import torch

        self.settle()
        self._stream.wait_stream(torch.cuda.current_stream(self._stream.device))
        with torch.cuda.stream(self._stream):
            for name in ema:
                tensor = shards[name].read()
                if name not in self._pinned:
                    self._pinned[name] = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
                self._pinned[name].copy_(tensor, non_blocking=True)
                tensor.record_stream(self._stream)
        self._copied = self._stream.record_event(torch.cuda.Event(blocking=True))  # who waits for it, sleeps
        self._blending = self._thread.submit(self._blend, ema, self._copied, share)

    def settle(self) -> None:
        """Wait until the average holds every update; raises what went wrong in one."""
        if self._blending is not None:
            blending, self._blending = self._blending, None
            blending.result()

    def close(self) -> None:
        self._hook.remove()
        self._thread.shutdown()
        self.settle()

    def _blend(self, ema: Ema, copied: Any, share: float) -> None:
        copied.synchronize()
        for name, average in ema.items():
            blend(average, self._pinned[name], share)

    def _before_step(self, *about: Any) -> None:
        if self._copied is not None:
            import torch

            torch.cuda.current_stream(self._stream.device).wait_event(self._copied)
            self._copied = None


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
