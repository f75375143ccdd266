"""The way of weights out of a GPU: over a stream beside the one that trains, into pinned memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from callsheet.sharding import Shard

if TYPE_CHECKING:
    from torch import Tensor


class Lane:
    """A stream of `device`, and one pinned copy of what leaves it, in the dtype that it has there."""

    def __init__(self, device: Any) -> None:
        import torch

        self._stream: Any = torch.cuda.Stream(device)
        self._pinned: dict[str, Tensor] = {}

    def copy(self, shards: Mapping[str, Shard]) -> Copy:
        """Begin to copy the weights as the steps so far leave them; returns before they are."""
        import torch

        self._stream.wait_stream(torch.cuda.current_stream(self._stream.device))
        with torch.cuda.stream(self._stream):
            for name, shard in shards.items():
                tensor = shard.read()
                if name not in self._pinned:
                    self._pinned[name] = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
                self._pinned[name].copy_(tensor, non_blocking=True)
                tensor.record_stream(self._stream)
        arrived = self._stream.record_event(torch.cuda.Event(blocking=True))  # who waits for it, sleeps
        return Copy(self._pinned, self._stream.device, arrived)


@dataclass(frozen=True)
class Copy:
    """Weights under way; `tensors` holds them once they have arrived, until the lane's next copy."""

    tensors: Mapping[str, Tensor]
    device: Any
    arrived: Any

    def hold(self) -> None:
        """Have the device do nothing that this thread asks of it from now on before they have arrived."""
        import torch

        torch.cuda.current_stream(self.device).wait_event(self.arrived)

    def wait(self) -> None:
        """Return once they have arrived."""
        import torch

        with torch.cuda.device(self.device):  # a thread begins on the first GPU, and would take memory there
            self.arrived.synchronize()
