"""The steps that halving leaves of 20 arms on two workers, and what a report costs: `python bench/halving.py`.

The arms log a metric and train nothing. They begin in 20 random orders, and two processes claim them from a queue.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import random
import statistics
import tempfile
import time
from pathlib import Path

from timing import machine

from callsheet import LogContext, LoopArtifacts, LoopState
from callsheet_plugins.halving import Halving

ARMS, STEPS, EVERY, ORDERS, WORKERS = 20, 90, 10, 20, 2


def steps(folder: Path, arm: int, seconds: list[float]) -> int:
    """How many steps the arm takes; the higher its number, the better it becomes."""
    asked: list[str] = []
    context = LogContext(folder / f"arm-{arm}", run=f"arm-{arm}")
    state = LoopState(context, lambda kind, reason: asked.append(reason), lambda *a: None, max_steps=STEPS)
    plugin = Halving(metric="score", min_steps=EVERY)
    plugin.on_train_start(state)
    for state.step in range(EVERY, STEPS + 1, EVERY):
        value = arm / ARMS * (1 - math.exp(-state.step / 30))
        start = time.perf_counter()
        plugin.on_log(state, {"score": value})
        seconds.append(time.perf_counter() - start)
        if asked:
            break
    plugin.on_train_end(state, LoopArtifacts())
    return state.step


def worker(folder: Path, waiting: multiprocessing.Queue[int], found: multiprocessing.Queue[tuple[int, int]]) -> None:
    while (arm := waiting.get()) > 0:
        found.put((arm, steps(folder, arm, [])))


def experiment(folder: Path, order: list[int]) -> dict[int, int]:
    """The steps of each arm, with so many workers."""
    waiting: multiprocessing.Queue[int] = multiprocessing.Queue()
    found: multiprocessing.Queue[tuple[int, int]] = multiprocessing.Queue()
    for arm in [*order, *[0] * WORKERS]:
        waiting.put(arm)
    workers = [multiprocessing.Process(target=worker, args=(folder, waiting, found)) for _ in range(WORKERS)]
    for process in workers:
        process.start()
    taken = dict(found.get() for _ in order)
    for process in workers:
        process.join()
    return taken


def synced(folder: Path) -> float:
    """Median seconds of one line of a journal that is written and synced."""
    taken = []
    with (folder / "plain.log").open("ab") as file:
        for _ in range(200):
            start = time.perf_counter()
            file.write(b"x" * 120 + b"\n")
            file.flush()
            os.fsync(file.fileno())
            taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def main() -> None:
    shares, winners = [], 0
    for seed in range(ORDERS):
        with tempfile.TemporaryDirectory() as folder:
            taken = experiment(Path(folder), random.Random(seed).sample(range(1, ARMS + 1), ARMS))
        shares.append(sum(taken.values()) / (ARMS * STEPS))
        winners += taken[ARMS] == STEPS
    print(f"{machine()}; {ARMS} arms of {STEPS} steps, {WORKERS} workers, {ORDERS} orders")
    print(f"steps taken: {statistics.mean(shares):.1%} of all, from {min(shares):.0%} to {max(shares):.0%}")
    print(f"orders in which the best arm took all of its steps: {winners} of {ORDERS}")
    with tempfile.TemporaryDirectory() as folder:
        seconds: list[float] = []
        for arm in range(1, ARMS + 1):
            steps(Path(folder), arm, seconds)
        line = synced(Path(folder))
    seconds.sort()
    middle, late = statistics.median(seconds), seconds[int(0.99 * len(seconds))]
    print(f"a report: {middle / line:.1f} × a synced line; {middle * 1e3:.1f} ms, at 99 % {late * 1e3:.1f} ms")


if __name__ == "__main__":
    main()
