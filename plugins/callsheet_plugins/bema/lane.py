"""Copies weights from a GPU to pinned memory, on another stream than the one that trains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from callsheet.sharding import Shard

if TYPE_CHECKING:
    from torch import Tensor


class Lane:
    """A stream of `device`, and one pinned copy of the weights in their own dtype."""

    def __init__(self, device: Any) -> None:
        import torch

        self._stream: Any = torch.cuda.Stream(device)
        self._pinned: dict[str, Tensor] = {}

    def copy(self, shards: Mapping[str, Shard]) -> Copy:
        """Start to copy the weights as all steps queued so far leave them; returns before the copy is complete."""
        import torch

        self._stream.wait_stream(torch.cuda.current_stream(self._stream.device))
        with torch.cuda.stream(self._stream):
            for name, shard in shards.items():
                tensor = shard.read()
                if name not in self._pinned:
                    self._pinned[name] = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
                self._pinned[name].copy_(tensor, non_blocking=True)
                tensor.record_stream(self._stream)
        arrived = self._stream.record_event(torch.cuda.Event(blocking=True))  # a waiting thread sleeps, not spins
        return Copy(self._pinned, self._stream.device, arrived)


@dataclass(frozen=True)
class Copy:
    """A copy in progress; `tensors` are valid after `arrived`, until the lane's next copy."""

    tensors: Mapping[str, Tensor]
    device: Any
    arrived: Any

    def hold(self) -> None:
        """Make the device complete the copy before any work that this thread queues from now on."""
        import torch

        torch.cuda.current_stream(self.device).wait_event(self.arrived)

    def wait(self) -> None:
        """Return when the copy is complete."""
        import torch

        with torch.cuda.device(self.device):  # a new thread uses GPU 0, and would allocate memory there
            self.arrived.synchronize()
