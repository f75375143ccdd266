"""Time commands and functions in turn, and print ratios first: absolute times depend on the machine and its load."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence


def in_turn(work: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each entry, called A B C A B C …, after one round that does not count."""
    taken: dict[str, list[float]] = {name: [] for name in work}
    for number in range(rounds + 1):
        for name, call in work.items():
            start = time.perf_counter()
            call()
            if number:
                taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def command(arguments: Sequence[str], **environment: str) -> Callable[[], object]:
    """A process to time; it must succeed."""

    def run() -> None:
        subprocess.run(arguments, check=True, capture_output=True, env={**os.environ, **environment})

    return run


def machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
