"""Streams of a GPU that carry an average past the weights, beside training."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from callsheet.blending import Launches, kernel_for

if TYPE_CHECKING:
    from torch import Tensor

# While one piece comes in and another goes out, others wait until the kernels of training leave room for theirs: for
# two to four times as long as a piece travels (H100).
LANES = 5
BUFFERS = 240 << 20  # bytes on the device for the pieces on all lanes
AT_HOME = 1 << 25  # elements of a piece of an average on the device, where no kernel takes all at once
FIRST = -1  # the priority of a lane: its short kernels wait for no long one of training


@dataclass(frozen=True)
class Job:
    """target ← source + share (weights - source), computed in float32; without a source, target ← weights.

    `weights` are one-dimensional, on the device, and together as long as `target`. `source` and `target` are in main
    memory or on the device, and may be the same.
    """

    target: Tensor
    weights: Sequence[Tensor]
    source: Tensor | None = None
    share: float = 1.0


class Lanes:
    """Carries out jobs on streams of `device`. Jobs at the same place in the list of `run` keep their order.

    The device does everything. The processor only queues the jobs, and no thread takes part.
    """

    def __init__(self, device: Any, weights: Iterable[Tensor], *, is_at_home: bool) -> None:
        import torch

        self.device = device
        running = torch.empty(0, dtype=torch.float32, device=device)
        has_kernel = all(kernel_for(running, tensor) for tensor in weights)
        if is_at_home:
            self.piece = sys.maxsize if has_kernel else AT_HOME
        else:  # without the kernel, weights become float32 in a second buffer
            self.piece = BUFFERS // LANES // 4 // (1 if has_kernel else 2)
        count = 1 if is_at_home else LANES
        self._lanes = [_Lane(torch.cuda.Stream(device, FIRST), self.piece) for _ in range(count)]

    def run(self, jobs: Sequence[Job]) -> None:
        """Start `jobs` with the weights as all work queued so far leaves them; returns at once."""
        import torch

        queued = torch.cuda.current_stream(self.device).record_event()
        for number, lane in enumerate(self._lanes):
            lane.run(jobs[number :: len(self._lanes)], queued)

    def hold(self) -> None:
        """Make the device read all weights before any work that this thread queues from now on."""
        import torch

        for lane in self._lanes:
            torch.cuda.current_stream(self.device).wait_event(lane.has_read)

    def join(self) -> None:
        """Make the device do all jobs before any work that this thread queues from now on."""
        import torch

        for lane in self._lanes:
            torch.cuda.current_stream(self.device).wait_stream(lane.stream)

    def mark(self) -> Mark:
        """The end of all jobs so far; another thread may wait for it."""
        import torch

        return Mark([lane.stream.record_event(torch.cuda.Event(blocking=True)) for lane in self._lanes], self.device)

    def settle(self) -> None:
        """Wait until all jobs are done."""
        for lane in self._lanes:
            lane.stream.synchronize()


@dataclass(frozen=True)
class Mark:
    """A moment of the lanes. A thread that waits for it sleeps."""

    events: Sequence[Any]
    device: Any

    def is_reached(self) -> bool:
        return all(event.query() for event in self.events)

    def wait(self) -> None:
        import torch

        with torch.cuda.device(self.device):  # a new thread uses GPU 0, and would allocate memory there
            for event in self.events:
                event.synchronize()


class _Lane:
    """One stream, a buffer for a piece of the average, and one for weights of another dtype."""

    def __init__(self, stream: Any, piece: int) -> None:
        import torch

        self.stream, self.has_read = stream, torch.cuda.Event()
        self._piece = piece
        self._buffers: dict[str, Tensor] = {}
        self._launches = Launches()  # by the number of the job

    def run(self, jobs: Sequence[Job], queued: Any) -> None:
        import torch

        self.stream.wait_event(queued)
        with torch.cuda.stream(self.stream):
            for number, job in enumerate(jobs):
                held = self._moved(number, job)
                if held is not job.weights[0]:
                    self._note_last(number, jobs)
                if held is not job.target:
                    job.target.copy_(held, non_blocking=True)
                if held is job.weights[0]:
                    self._note_last(number, jobs)

    def _note_last(self, number: int, jobs: Sequence[Job]) -> None:
        if number == len(jobs) - 1:
            self.has_read.record(self.stream)

    def _moved(self, number: int, job: Job) -> Tensor:
        """The result of `job` on the device; its target, if that is there."""
        target, weights = job.target, job.weights
        if job.source is None and len(weights) == 1 and weights[0].dtype == target.dtype:
            return weights[0]
        held = target if target.device == weights[0].device else self._buffer("piece", target)
        if job.source is None:
            _together(held, weights)
            return held
        if job.source.data_ptr() != held.data_ptr():
            held.copy_(job.source, non_blocking=True)
        if kernel := _kernel(held, weights):
            parts = held.split([weight.numel() for weight in weights])
            self._launches.of(number, kernel, [*zip(parts, weights, strict=True)])(job.share)
        else:
            held.lerp_(_together(self._buffer("weights", held), weights), job.share)
        return held

    def _buffer(self, name: str, like: Tensor) -> Tensor:
        import torch

        if name not in self._buffers:
            self._buffers[name] = torch.empty(self._piece, dtype=torch.float32, device=self.stream.device)
        return self._buffers[name][: like.numel()]


def _kernel(held: Tensor, weights: Sequence[Tensor]) -> Any:
    """The one kernel for all of them, or None."""
    kernels = {kernel_for(held, weight) for weight in weights}
    return kernels.pop() if len(kernels) == 1 else None


def _together(whole: Tensor, weights: Sequence[Tensor]) -> Tensor:
    import torch

    torch._foreach_copy_(whole.split([weight.numel() for weight in weights]), list(weights))
    return whole
