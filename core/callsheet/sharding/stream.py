"""Safetensors files written one tensor at a time.

The library itself takes all tensors of a file at once, and lets no other thread of Python run while it writes them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.disk.inside import Inside

if TYPE_CHECKING:
    import torch
    from torch import Tensor

ALIGNMENT = 8


def write_safetensors(
    path: Path, metas: Mapping[str, Tensor], tensors: Iterable[Tensor | None], about: Mapping[str, str] | None = None
) -> None:
    """Write `tensors`, which come in the order of `metas`, whose names, shapes and dtypes make the header.

    `about` is the header's metadata. Large types must come first, or a tensor may lie where its type cannot be read.

    Format: huggingface/safetensors, 8 bytes of header length, the header as JSON, the tensors without gaps.
    """
    descriptor = Inside(path.parent, "its folder").open(path.name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    with os.fdopen(descriptor, "wb") as file:
        file.write(_header(metas, {"format": "pt"} if about is None else about))
        for meta, tensor in zip(metas.values(), tensors, strict=True):
            assert tensor is not None and tensor.shape == meta.shape and tensor.dtype == meta.dtype
            file.write(_bytes(tensor))


def _header(metas: Mapping[str, Tensor], about: Mapping[str, str]) -> bytes:
    entries: dict[str, Any] = {"__metadata__": about}
    end = 0
    for name, meta in metas.items():
        entries[name] = {
            "dtype": _name_of(meta.dtype),
            "shape": list(meta.shape),
            "data_offsets": [end, end + meta.nbytes],
        }
        end += meta.nbytes
    text = json.dumps(entries, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


@cache
def _name_of(dtype: torch.dtype) -> str:
    """What safetensors calls a dtype, which its files say and its documentation does not."""
    import torch
    from safetensors.torch import save

    written = save({"t": torch.empty(0, dtype=dtype)})
    header = json.loads(written[8 : 8 + int.from_bytes(written[:8], "little")])
    return str(header["t"]["dtype"])


def _bytes(tensor: Tensor) -> Any:
    """The memory of `tensor`, without a copy where it is contiguous."""
    import torch

    return tensor.contiguous().view(-1).view(torch.uint8).numpy().data
