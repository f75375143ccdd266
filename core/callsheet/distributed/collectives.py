"""What all processes of a run must agree on: collectives over gloo, for small Python values."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar

from callsheet.errors import CallsheetError

T = TypeVar("T")


def broadcast(decide: Callable[[], T]) -> T:
    """What `decide` returns on rank 0, on every rank; a `CallsheetError` that it raises there is raised everywhere."""
    group = cpu_group()
    if group is None:
        return decide()
    import torch.distributed as dist

    box: list[Any] = [None, None]
    if dist.get_rank() == 0:
        try:
            box[0] = decide()
        except CallsheetError as error:
            box[1] = error
    dist.broadcast_object_list(box, src=0, group=group)
    if box[1] is not None:
        box[1].is_echo = dist.get_rank() != 0
        raise box[1]
    return box[0]  # type: ignore[no-any-return]  # it was a T on rank 0


def all_gather(value: T) -> list[T]:
    """The `value` of every rank, on every rank."""
    group = cpu_group()
    if group is None:
        return [value]
    import torch.distributed as dist

    values: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(values, value, group=group)
    return values


def cpu_group() -> Any:
    """A gloo group of all ranks, which neither NCCL nor the device queue waits for; None for a lone process."""
    if "torch" not in sys.modules:
        return None
    import torch.distributed as dist

    return _gloo() if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1 else None


@cache
def _gloo() -> Any:
    import torch.distributed as dist

    # The others may wait at the end for as long as rank 0 sees its outbox off; a rank that dies is noticed at once.
    return dist.new_group(backend="gloo", timeout=timedelta(days=2))


def barrier() -> None:
    """Wait until every rank has come here: who leaves early makes its launcher stop the others."""
    if (group := cpu_group()) is not None:
        import torch.distributed as dist

        dist.barrier(group=group)
