"""Which GPUs and how many threads each of several workers on one machine gets."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from callsheet.errors import CallsheetError, counted
from callsheet.process.machine import cores, visible_gpus

VISIBLE, THREADS = "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS"


def fitting(processes: int = 1) -> int:
    """How many workers fit on this machine: one for each set of so many GPUs, or one where there are none."""
    return max(1, len(visible_gpus()) // processes)


def slices(gpus: Sequence[str], workers: int, processes: int | None = None) -> list[tuple[str, ...]]:
    """The GPUs of each worker; none where there are none.

    `processes` is how many GPUs an arm needs; left out, they share all of them evenly, and a rest stays free.
    Raises `CallsheetError` where there are too few.
    """
    if not gpus:
        return [()] * workers
    each = processes or max(1, len(gpus) // workers)
    if each * workers > len(gpus):
        raise CallsheetError(
            f"{counted(workers, 'worker')} with {counted(each, 'GPU')} each need {each * workers}, and this machine "
            f"has {len(gpus)}. Set experiment.workers={max(1, len(gpus) // each)}, or leave it out."
        )
    return [tuple(gpus[each * number : each * (number + 1)]) for number in range(workers)]


def environment(gpus: Sequence[str], workers: int, processes: int | None = None) -> dict[str, str | None]:
    """What the processes of a worker's arms get: its GPUs, and its share of the cores, unless the user has set that."""
    threads = max(1, cores() // (workers * (processes or max(1, len(gpus)))))
    visible: Mapping[str, str | None] = {VISIBLE: ",".join(gpus)} if gpus else {}
    return {**visible, THREADS: os.environ.get(THREADS, str(threads))}
