"""Where the average is kept: on the GPU of the weights, in main memory, or wherever there is room."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any

from callsheet.model_files import cached, weights
from callsheet.model_files.contents import Damaged
from callsheet.process.machine import trains_on_cpu
from callsheet.sharding import Shard
from callsheet_plugins.bema.device import AUTO
from callsheet_plugins.bema.streams.holding import on_gpus
from callsheet_plugins.bema.streams.streamed import Streamed

logger = logging.getLogger("callsheet")

MARGIN = 0.1  # of a GPU's memory stays free for batches that are larger than the first


def streamed(shards: Mapping[str, Shard], device: str) -> Iterator[tuple[Any, dict[str, Shard], bool]]:
    """The shards on each GPU whose average is kept there or in main memory, and whether it begins on the GPU."""
    import torch

    wanted = torch.device("cpu" if device == AUTO else device)
    for gpu, found in on_gpus(shards).items():
        if wanted.type == "cpu":
            yield gpu, found, False
        elif wanted.type == gpu.type and wanted.index in (None, gpu.index):
            yield gpu, found, True


def elsewhere(device: str) -> str:
    """The device of averages that are not streamed."""
    return "cpu" if device == AUTO else device


def decide(streams: Iterable[Streamed]) -> str:
    """Move each average to its GPU, if the GPU has room for it; returns a remark on it."""
    import torch

    said = []
    for stream in streams:
        free, total = torch.cuda.mem_get_info(stream.device)
        margin = MARGIN * total
        if free - stream.size >= margin:
            stream.come_home()
            where = f"on {stream.device}, which had {gigabytes(free)} free"
        else:
            where = f"in main memory: {stream.device} had {gigabytes(free)} free, and {gigabytes(margin)} stay so"
        said.append(f"{gigabytes(stream.size)} {where}")
    return f"kept its average: {'; '.join(said)}." if said else ""


def say_if_not_pinned(streams: Iterable[Streamed]) -> None:
    """Warn that copies will keep the loop waiting."""
    if not all(stream.is_pinned for stream in streams):
        logger.warning(
            "The system did not lock main memory for bema's average (a limit such as `ulimit -l`, or a container). The "
            "average is right, and each update keeps training waiting. plugins.bema.device=cuda needs no such memory "
            "for updates."
        )


def gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB"


def forecast(run_config: Mapping[str, Any], device: str) -> str:
    """What `callsheet check` says of the average of a run with GPUs; an empty string for other runs. Without torch."""
    if trains_on_cpu((run_config.get("trainer") or {}).get("args") or {}):
        return ""
    model = run_config.get("model") or {}
    size = "" if (run_config.get("peft") or {}).get("type") else _size(model.get("path") or "", model.get("revision"))
    places = {
        AUTO: f"on the GPU if that has room after the first step, and {MARGIN:.0%} of it to spare, else in main memory",
        "cpu": "in main memory, with a staging buffer as large",
    }
    return f"bema keeps its average{size} {places.get(device, f'on {device}')}."


def _size(path: str, revision: str | None) -> str:
    folder = Path(path) if Path(path).is_dir() else cached.snapshot(path, revision)
    try:
        shapes = weights.check(folder) if folder else {}
    except Damaged:  # which preflight says
        return ""
    return f" ({gigabytes(4 * sum(map(prod, shapes.values())))} in all)" if shapes else ""
