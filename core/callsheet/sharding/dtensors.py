"""Shards under FSDP2: rows of a parameter that is a DTensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from callsheet.errors import CallsheetError
from callsheet.privates.torch import offset_of
from callsheet.sharding.shards import Shard, nothing

if TYPE_CHECKING:
    from torch import Tensor


def local(name: str, parameter: Any) -> Shard:
    """The rows that this rank keeps; all of them where the mesh only repeats the parameter."""
    if not _by_rows(parameter.placements):
        raise CallsheetError(
            f"The weights of {name} are spread as {parameter.placements}, and only rows can be worked on in place. "
            "Train without tensor parallelism, or leave out the plugins that average or blend weights."
        )
    offset = offset_of(parameter)
    start = offset[0] * parameter.shape[1:].numel() if offset else 0

    def live() -> Tensor:
        return parameter.to_local().detach().view(-1)  # type: ignore[no-any-return]

    length = live().numel()
    return Shard(
        name, parameter.shape, parameter.dtype, start if length else 0, length, parameter.requires_grad, live, live,
        nothing,
    )  # fmt: skip


def _by_rows(placements: Any) -> bool:
    from torch.distributed.tensor import Replicate, Shard

    spread = [placement for placement in placements if not isinstance(placement, Replicate)]
    return not spread or (len(spread) == 1 and type(spread[0]) is Shard and spread[0].dim == 0)
