"""The part of one parameter that this rank keeps, whatever engine spreads the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Size, Tensor, dtype


@dataclass(frozen=True)
class Shard:
    """`length` elements from `start` of the flattened parameter, `shape` being the shape of the whole.

    `read()` gives them as one dimension, from the float32 master weights where the engine keeps such. `live()` gives
    them as the model computes with them, or None where this rank has no part of its own but `copy()`, the whole
    parameter; a part may have both. Neither is a copy: what is written there, the model computes with.
    """

    name: str
    shape: Size
    dtype: dtype
    start: int
    length: int
    trainable: bool
    read: Callable[[], Tensor]
    live: Callable[[], Tensor | None]
    copy: Callable[[], Tensor | None]


def plain(name: str, parameter: Tensor) -> Shard:
    """A parameter that is whole on every rank, as with one process and DDP."""

    def flat() -> Tensor:
        return parameter.detach().reshape(-1)

    def live() -> Tensor:
        return parameter.detach().view(-1)

    return Shard(
        name, parameter.shape, parameter.dtype, 0, parameter.numel(), parameter.requires_grad, flat, live, nothing
    )  # fmt: skip


def nothing() -> None:
    """What a rank has that keeps no such tensor."""
