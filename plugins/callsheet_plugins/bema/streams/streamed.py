"""The average of the weights on one GPU, updated while the next forward and backward run."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from callsheet.sharding import Shard
from callsheet_plugins.bema.streams.buffers import Buffer
from callsheet_plugins.bema.streams.lanes import Job, Lanes, Mark
from callsheet_plugins.bema.streams.pieces import Row

if TYPE_CHECKING:
    from torch import Tensor

logger = logging.getLogger("callsheet")

LONG = 1.0  # seconds that the loop waited, from which on it is told
ALIGNMENT = 16  # bytes


class Streamed:
    """The average of `shards`, all on `device`, as one row of float32 elements: on the device or in main memory.

    In main memory there are buffers for `copies`, and one for the average if that is not on the device. What must be
    written as it is at a step lies in one of them until a thread has written it, and updates put the average elsewhere.
    On the device, the optimizer's next step waits until the weights are read, because it overwrites them.
    """

    def __init__(self, device: Any, shards: Mapping[str, Shard], *, is_at_home: bool, copies: int = 1) -> None:
        self.device, self.shards = device, shards
        self.row = Row({name: shard.length for name, shard in shards.items()})
        weights = self._weights().values()
        self.lanes = Lanes(device, weights, is_at_home=is_at_home)
        self._in_use: list[Tensor] = []  # weights that may still be read; an engine may let go of them
        self.written_by: dict[Buffer, Future[None]] = {}
        self._leaving: tuple[Buffer, Mark] | None = None  # what the average moves out of
        size = max(self.size, sum(map(_room, weights)))
        self._buffers = [Buffer(size, device) for _ in range(copies + (not is_at_home))]
        self._place = None if is_at_home else self._buffers[0]
        self._average = self._row_in(self._place)

    @property
    def is_at_home(self) -> bool:
        """Whether the average is on the device."""
        return self._place is None

    @property
    def is_pinned(self) -> bool:
        """Whether the device reads and writes the buffers by itself."""
        return all(buffer.is_pinned for buffer in self._buffers)

    @property
    def size(self) -> int:
        """Bytes of the average."""
        return self.row.size * 4

    @property
    def ema(self) -> dict[str, Tensor]:
        """The average by name, complete after `settle` and valid until the next update."""
        return self.row.views(self._average)

    def begin(self) -> None:
        """Start at the current weights."""
        self._run(lambda part: None)

    def put(self, read: Callable[[str], Tensor]) -> None:
        """Start at a saved average."""
        for name, tensor in self.ema.items():
            tensor.copy_(read(name))

    def update(self, share: float) -> None:
        """Start an update; returns at once, unless all buffers are still being written to disk."""
        if self._leaving and self._leaving[1].is_reached():
            self._leaving = None
        source = self._average
        if self._place and self._is_written(self._place):
            self._place = self._free()
            self._average = self._row_in(self._place)
        self._run(source.__getitem__, share)

    def copy_of_average(self) -> Copy:
        """The average as it is now, in main memory, to be written to disk."""
        place, row = self._place, self._average
        if place is None:
            place = self._free()
            row = self._row_in(place)
            self.lanes.run([Job(row[where], [self._average[where]]) for where in self._slices()])
        return Copy(self, place, self.row.views(row), self.lanes.mark())

    def copy_of_weights(self) -> Copy:
        """The weights as they are now, in their own dtype, to be written to disk."""
        place, weights, end = self._free(), self._weights(), 0
        parts = {}
        for name, tensor in weights.items():
            parts[name] = place.part(end, tensor.numel(), tensor.dtype)
            end += _room(tensor)
        self.lanes.run([Job(parts[name], [tensor]) for name, tensor in weights.items()])
        self._in_use = [*weights.values()]
        return Copy(self, place, parts, self.lanes.mark())

    def come_home(self) -> None:
        """Move the average to the device, and give up its buffer; the loop does not wait."""
        assert self._place is not None
        away, self._average = self._average, self._row_in(None)
        self.lanes.join()
        self.lanes = Lanes(self.device, self._weights().values(), is_at_home=True)
        self.lanes.run([Job(self._average[where], [away[where]]) for where in self._slices()])
        self._leaving = self._place, self.lanes.mark()
        self._buffers.remove(self._place)
        self._place = None

    def hold(self) -> None:
        """Make the device read the weights before what this thread queues from now on."""
        self.lanes.hold()

    def settle(self) -> None:
        """Wait until the average holds every update."""
        self.lanes.settle()

    def close(self) -> None:
        """Wait for the device, which may be writing into the buffers; what is wrong with it, training has raised."""
        with suppress(RuntimeError):
            self.lanes.settle()

    def _run(self, source: Callable[[slice], Tensor | None], share: float = 1.0) -> None:
        weights = self._weights()
        pieces = self.row.pieces(weights, self.lanes.piece)
        self.lanes.run([Job(self._average[where], parts, source(where), share) for where, parts in pieces])
        self._in_use = [*weights.values()]

    def _slices(self) -> list[slice]:
        """The row in parts that a lane takes at once."""
        size = min(self.lanes.piece, self.row.size)
        return [slice(start, start + size) for start in range(0, self.row.size, size)]

    def _weights(self) -> dict[str, Tensor]:
        return {name: shard.read() for name, shard in self.shards.items()}

    def _row_in(self, place: Buffer | None) -> Tensor:
        import torch

        if place is None:
            return torch.empty(self.row.size, dtype=torch.float32, device=self.device)
        return place.part(0, self.row.size, torch.float32)

    def _is_written(self, place: Buffer) -> bool:
        """Whether a thread is still writing what lies in `place`."""
        return place in self.written_by and not self.written_by[place].done()

    def _free(self) -> Buffer:
        """A buffer without the average; waits until one is written."""
        others = [buffer for buffer in self._buffers if buffer is not self._place]
        if free := next((buffer for buffer in others if not self._is_written(buffer)), None):
            return free
        began = time.perf_counter()
        wait([self.written_by[buffer] for buffer in others], return_when=FIRST_COMPLETED)
        if (seconds := time.perf_counter() - began) > LONG:
            logger.warning("bema made training wait %.1f s for the disk, which was still writing.", seconds)
        return next(buffer for buffer in others if not self._is_written(buffer))


@dataclass(frozen=True)
class Copy:
    """Tensors in a buffer, for a thread that writes them to disk."""

    of: Streamed
    place: Buffer
    tensors: Mapping[str, Tensor]
    arrived: Mark

    def keep_until(self, written: Future[None]) -> None:
        """Leave the buffer alone until then."""
        self.of.written_by[self.place] = written


def _room(tensor: Tensor) -> int:
    """Bytes that `tensor` takes in a buffer, so that the next one is aligned."""
    return -(-tensor.nbytes // ALIGNMENT) * ALIGNMENT
