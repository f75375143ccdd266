"""Tensors that are spread like the model, as files of a checkpoint: one a rank, read back by any number of ranks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from callsheet.disk import typed
from callsheet.errors import CallsheetError
from callsheet.sharding.shards import Shard
from callsheet.sharding.stream import write_safetensors
from callsheet.sharding.whole import Sharding

if TYPE_CHECKING:
    from torch import Tensor

SPANS = "spans"


class Span(NamedTuple):
    """Where in a flattened parameter the elements in a file belong."""

    start: int
    length: int
    shape: tuple[int, ...]


def file_of(folder: Path, kind: str, rank: int) -> Path:
    """The file of `rank` for tensors of `kind`."""
    return folder / f"{kind}-{rank:05d}.safetensors"


def save_shards(sharding: Sharding, tensors: Mapping[str, Tensor], folder: Path, kind: str) -> Path | None:
    """Write the parts that this rank answers for; returns the file, or None where another rank writes them all.

    A thread may call it while training goes on.
    """
    held = {name: tensor for name, tensor in tensors.items() if sharding.is_holder(name)}
    if not held:
        return None
    mine = dict(sorted(held.items(), key=lambda item: (-item[1].itemsize, item[0])))
    path = file_of(folder, kind, sharding.rank)
    about = {SPANS: json.dumps(spans_of(sharding, mine))}
    write_safetensors(path, mine, (tensor.cpu() for tensor in mine.values()), about)
    return path


class Stored:
    """What `save_shards` wrote into `folder`, by however many ranks, as far as it concerns this rank.

    Raises `CallsheetError` when the files hold other parameters than `shards`, and in `read`, when one is missing.
    """

    def __init__(self, shards: Mapping[str, Shard], folder: Path, kind: str) -> None:
        from safetensors import safe_open

        self.shards, self.folder = shards, folder
        self._files = [safe_open(path, "pt") for path in sorted(folder.glob(f"{kind}-*.safetensors"))]
        self._parts: dict[str, list[tuple[Span, Any]]] = {}
        for file in self._files:
            for name, span in spans_in(file).items():
                self._parts.setdefault(name, []).append((span, file))
        if self._files and self._shapes() != {name: tuple(shard.shape) for name, shard in shards.items()}:
            raise CallsheetError(
                f"{folder} is of other parameters than those that train now. Resume with the model it was saved with, "
                "or from another checkpoint."
            )

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self._files)

    def read(self, name: str) -> Tensor:
        """This rank's part of a tensor, put together from the files that have some of it."""
        import torch

        if name not in self._parts:
            raise CallsheetError(f"{self.folder} lacks {name}: it was copied without every rank's files.")
        shard = self.shards[name]
        reached, end = shard.start, shard.start + shard.length
        parts = [self._parts[name][0][1].get_slice(name)[:0]]  # says the dtype where this rank has no part
        for span, file in sorted(self._parts[name], key=lambda part: part[0].start):
            if span.start <= reached < min(span.start + span.length, end):
                parts.append(file.get_slice(name)[reached - span.start : end - span.start])
                reached += parts[-1].numel()
        if reached != end:
            raise CallsheetError(f"{self.folder} lacks a part of {name}: it was copied without every rank's files.")
        return torch.cat(parts)

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: parts[0][0].shape for name, parts in self._parts.items()}


def holds_exactly(path: Path, sharding: Sharding) -> bool:
    """Whether a file that `save_shards` wrote holds what this rank would write today."""
    from safetensors import safe_open

    mine = {name: shard for name, shard in sharding.chosen.items() if sharding.is_holder(name)}
    return spans_in(safe_open(path, "pt")) == spans_of(sharding, mine)


def spans_of(sharding: Sharding, names: Iterable[str]) -> dict[str, Span]:
    shards = sharding.shards
    return {name: Span(shards[name].start, shards[name].length, tuple(shards[name].shape)) for name in names}


def spans_in(file: Any) -> dict[str, Span]:
    """What an open file that `save_shards` wrote holds."""
    return typed.parse((file.metadata() or {}).get(SPANS, "{}"), dict[str, Span], "the spans in its header")
