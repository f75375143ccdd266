"""What the card allows: how fast memory is copied on it, and to and from main memory."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import torch

ROUNDS = 9


def seconds(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The median of the seconds that the GPU needs for `work`, on the stream that is current."""
    taken = []
    for number in range(rounds + 2):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize()
        begin.record()
        work()
        end.record()
        torch.cuda.synchronize()
        if number >= 2:
            taken.append(begin.elapsed_time(end) / 1e3)
    return statistics.median(taken)


def copying() -> float:
    """Bytes per second, read and written, of a copy on the device."""
    source = torch.ones(1 << 30, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    return 2 * source.nbytes / seconds(lambda: target.copy_(source))


def leaving_and_coming(size: int = 512 << 20) -> tuple[float, float, float]:
    """Bytes per second from the device to pinned memory, to the device, and each way where both go at once."""
    device = [torch.ones(size, dtype=torch.uint8, device="cuda") for _ in range(2)]
    host = [torch.ones(size, dtype=torch.uint8, pin_memory=True) for _ in range(2)]
    other = torch.cuda.Stream()

    def out() -> None:
        host[0].copy_(device[0], non_blocking=True)

    def back() -> None:
        device[1].copy_(host[1], non_blocking=True)

    def both() -> None:
        other.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(other):
            back()
        out()
        torch.cuda.current_stream().wait_stream(other)

    return size / seconds(out), size / seconds(back), size / seconds(both)
