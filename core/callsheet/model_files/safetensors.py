"""The head of a safetensors file: the shapes of its tensors, and whether the file is as long as it says.

The format: eight bytes with the length of the header, the header as JSON, then the tensors
(https://huggingface.co/docs/safetensors/index#format).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

from callsheet.disk import typed
from callsheet.disk.regular import open_regular
from callsheet.disk.typed import Malformed
from callsheet.model_files.contents import COPY_AGAIN, Damaged, refuse_pointer

LENGTH = 8
LONGEST_HEADER = 100_000_000  # the limit of safetensors 0.8
BITS = {
    **{"F64": 64, "I64": 64, "U64": 64, "C64": 64, "F32": 32, "I32": 32, "U32": 32},
    **{"F16": 16, "BF16": 16, "I16": 16, "U16": 16, "I8": 8, "U8": 8, "BOOL": 8},
}

Shapes = Mapping[str, tuple[int, ...]]


def shapes_in(path: Path) -> Shapes:
    """The shape of each tensor by its name; raises `Damaged` where the file is cut off, or its header is no header."""
    refuse_pointer(path)
    size = path.stat().st_size
    tensors = _header(path, size)
    try:
        told = sum(_bytes_of(name, about) for name, about in tensors.items())
    except ValueError as error:
        raise Damaged(f"The header of {path} is damaged ({error}). {COPY_AGAIN}") from error
    ends = sorted(about.data_offsets for about in tensors.values())
    shapes = {name: about.shape for name, about in tensors.items()}
    _compare(path, size - _start(path), told)
    if [begin for begin, _ in ends] != [0, *(end for _, end in ends)][: len(ends)]:
        raise Damaged(f"The header of {path} is damaged: its tensors overlap. {COPY_AGAIN}")
    return shapes


@dataclass(frozen=True)
class Tensor:
    """What a header says of one tensor."""

    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]


def _header(path: Path, size: int) -> dict[str, Tensor]:
    if not size:
        raise Damaged(f"{path} is empty. {COPY_AGAIN}")
    length = _start(path) - LENGTH if size >= LENGTH else 0
    if size >= LENGTH and not 0 < length <= LONGEST_HEADER:
        raise Damaged(f"{path} is no safetensors file, or its header is damaged. {COPY_AGAIN}")
    if size < LENGTH + length or size < LENGTH:
        raise Damaged(f"{path} is cut off inside its header: it has {size:,} bytes. {COPY_AGAIN}")
    text = _bytes(path, LENGTH, length)
    try:
        header = typed.parse(text, dict, "its header")
    except Malformed as error:
        said = f"{path} is no safetensors file, or its header is damaged ({error.wrong}). {COPY_AGAIN}"
        raise Damaged(said) from error
    header.pop("__metadata__", None)
    try:
        return {name: typed.convert(about, Tensor, name) for name, about in header.items()}
    except Malformed as error:
        raise Damaged(f"The header of {path} is damaged ({error}). {COPY_AGAIN}") from error


def _start(path: Path) -> int:
    """Where the tensors begin."""
    return LENGTH + int.from_bytes(_bytes(path, 0, LENGTH), "little")


def _bytes(path: Path, start: int, number: int) -> bytes:
    """Of a regular file alone, or one that a link of the Hub's cache names: opening a FIFO would wait."""
    try:
        descriptor = open_regular(path, follow=True)
    except OSError as error:
        raise Damaged(f"{path} cannot be read: {error}.") from error
    with os.fdopen(descriptor, "rb") as file:
        file.seek(start)
        return file.read(number)


def _bytes_of(name: str, about: Tensor) -> int:
    """How many bytes a tensor takes; raises ValueError where its shape says another number."""
    begin, end = about.data_offsets
    bits = BITS.get(about.dtype)
    if begin > end or (bits and prod(about.shape) * bits != (end - begin) * 8):
        raise ValueError(f"{name} has {end - begin:,} bytes, not those of its shape {[*about.shape]}")
    return end - begin


def _compare(path: Path, there: int, told: int) -> None:
    if there < told:
        raise Damaged(f"{path} is cut off: it holds {there:,} of the {told:,} bytes of its tensors. {COPY_AGAIN}")
    if there > told:
        raise Damaged(f"{path} has {there - told:,} bytes more than its header says. {COPY_AGAIN}")


def misfits(shapes: Shapes, wanted: Shapes) -> Iterator[tuple[str, tuple[int, ...], tuple[int, ...]]]:
    """Tensors of both that have another shape, each with the one it has and the one that is wanted."""
    return ((name, shape, wanted[name]) for name, shape in shapes.items() if wanted.get(name, shape) != shape)
