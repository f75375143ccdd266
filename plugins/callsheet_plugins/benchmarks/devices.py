"""The GPUs of this machine: which of them jobs get, which training leaves them, and what they may share."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from callsheet.errors import CallsheetError
from callsheet_plugins.benchmarks import engines
from callsheet_plugins.benchmarks.engines import Engine

if TYPE_CHECKING:
    from callsheet_plugins.benchmarks.settings import BenchmarkSettings

DEVICES, SHARE = "plugins.benchmarks.devices", "plugins.benchmarks.memory_share"
EXAMPLE = 0.3


def problems(plugin: BenchmarkSettings, present: int) -> Iterator[str]:
    """What is wrong with `devices` and `memory_share` on a machine with `present` GPUs, or 0 if that is not known."""
    if missing := [number for number in plugin.devices if present and number not in range(present)]:
        there = "GPU 0" if present == 1 else f"the GPUs 0 to {present - 1}"
        yield f"{DEVICES} names GPU {missing[0]}, which this machine does not have. It has {there}."
    if plugin.memory_share is None:
        return
    if plugin.dispatch != "local":
        yield f"{SHARE} is for jobs on this machine, and with dispatch={plugin.dispatch} they have GPUs of their own."
    elif not plugin.devices:
        yield f"{SHARE} is of the GPUs in {DEVICES}, which names none."
    elif (jobs := -(-plugin.slots // len(plugin.devices))) * plugin.memory_share >= 1:
        yield (
            f"{SHARE}={plugin.memory_share} leaves training nothing: {jobs} of {plugin.slots} slots share a GPU, and "
            f"each may take that much. {jobs} times the share must be below 1."
        )
    yield from _not_held(plugin, plugin.memory_share)


def _not_held(plugin: BenchmarkSettings, share: float) -> Iterator[str]:
    for name, benchmark in plugin.chosen.items():
        try:
            engine = engines.engine(benchmark.engine)
        except CallsheetError:
            continue  # which is reported as a problem of its own
        cannot = getattr(type(engine), "cannot_share", Engine.cannot_share)  # it need not inherit from `Engine`
        if said := cannot(engine, name, benchmark, share):
            yield said


def warnings(plugin: BenchmarkSettings, config: Mapping[str, Any], visible: Sequence[str]) -> Iterator[str]:
    """What is unwise where training uses some of the `visible` GPUs, which CUDA_VISIBLE_DEVICES may call by names."""
    if plugin.dispatch != "local" or not plugin.chosen or not visible or _trains_on_cpu(config):
        return
    count = min(_processes(config) or len(visible), len(visible))
    taken, free = visible[:count], visible[count:]
    if not plugin.devices:
        yield f"Benchmarks run on the CPU, since training has {_all_of(taken, free)}. {_instead(taken, free)}"
    elif plugin.memory_share is None and (shared := [number for number in plugin.devices if str(number) in taken]):
        yield (
            f"Benchmarks share GPU {shared[0]} with the training, and may take memory that it needs. "
            f"{SHARE}={EXAMPLE} lets each job have so much of it and no more."
        )


def _trains_on_cpu(config: Mapping[str, Any]) -> bool:
    return bool(((config.get("trainer") or {}).get("args") or {}).get("use_cpu"))


def _processes(config: Mapping[str, Any]) -> int | None:
    """The processes that train on this machine, each with a GPU of its own; None for one on each GPU."""
    launch = config.get("launch")
    if launch is None:  # in a script, torchrun says it
        return int(os.environ.get("LOCAL_WORLD_SIZE") or 1)
    return 1 if launch.get("name") == "single" else launch.get("processes")


def _all_of(taken: Sequence[str], free: Sequence[str]) -> str:
    if free:
        return f"GPU {taken[0]}" if len(taken) == 1 else f"{len(taken)} of the {len(taken) + len(free)} GPUs"
    return "the GPU" if len(taken) == 1 else f"all {len(taken)} GPUs"


def _instead(taken: Sequence[str], free: Sequence[str]) -> str:
    last = (free or taken)[-1]
    if not last.isdigit():  # CUDA_VISIBLE_DEVICES has names in place of numbers
        return f"{DEVICES} gives them one by its number in nvidia-smi, and {SHARE}={EXAMPLE} a share of it."
    if free:
        return f"{DEVICES}=[{last}] gives them one of their own."
    return f"{DEVICES}=[{last}] {SHARE}={EXAMPLE} gives them a share of its memory."
