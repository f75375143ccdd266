"""Tensors laid end to end in one row, and the row cut into pieces of one size, wherever a tensor ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Row:
    """The elements of each tensor by name, in order."""

    lengths: Mapping[str, int]

    @property
    def size(self) -> int:
        """Elements in all."""
        return sum(self.lengths.values())

    def views(self, row: Tensor) -> dict[str, Tensor]:
        """The tensors in `row`, which they share."""
        return dict(zip(self.lengths, row.split([*self.lengths.values()]), strict=True))

    def pieces(self, tensors: Mapping[str, Tensor], size: int) -> Iterator[tuple[slice, list[Tensor]]]:
        """Every piece of at most `size` elements: where it lies in the row, and the parts of `tensors` that make it."""
        start, room = 0, size
        parts: list[Tensor] = []
        for name, length in self.lengths.items():
            taken = 0
            while taken < length:
                part = tensors[name].narrow(0, taken, min(room, length - taken))
                parts.append(part)
                taken, room = taken + part.numel(), room - part.numel()
                if not room:
                    yield slice(start, start + size), parts
                    start, parts, room = start + size, [], size
        if parts:
            yield slice(start, self.size), parts
