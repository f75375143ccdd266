"""Shards under DeepSpeed: fragments of float32 master weights (ZeRO-1 and 2) and partitions of parameters (ZeRO-3).

ZeRO-1 and 2 lay all parameters end to end and cut the row into one piece per rank, wherever a parameter begins: a rank
masters a parameter whole, in part, or not at all. What fills up the last piece belongs to no parameter. ZeRO-3 cuts
each parameter for itself, and fills up the last slice of each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from callsheet.errors import CallsheetError
from callsheet.privates import deepspeed
from callsheet.sharding.shards import Shard, nothing

if TYPE_CHECKING:
    from torch import Tensor


NVME = (
    "ZeRO-3 keeps the weights on a disk, by offload_param.device=nvme, where plugins cannot average or blend them. Use "
    "offload_param.device=cpu, which they can."
)
OPTIMIZER_NVME = (
    "ZeRO keeps the float32 weights of the optimizer on a disk, by offload_optimizer.device=nvme, where plugins cannot "
    "average or blend them. Use offload_optimizer.device=cpu, which they can."
)
SECONDARY = (
    "ZeRO++ computes with a second copy of the weights, by zero_hpz_partition_size, which plugins that average or "
    "blend weights would not reach. Leave it out."
)


def problem_with_launch(launch: Mapping[str, Any]) -> str:
    """Why weights cannot be worked on in place under such settings of `launch`, or an empty string; without torch."""
    zero = _section(_section(launch, "config"), "zero_optimization")
    if _section(zero, "offload_param").get("device") == "nvme":
        return NVME
    if _section(zero, "offload_optimizer").get("device") == "nvme":
        return OPTIMIZER_NVME
    return "" if zero.get("zero_hpz_partition_size") in (None, 1) else SECONDARY


def _section(settings: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = settings.get(name)
    return section if isinstance(section, Mapping) else {}  # what else it may be, DeepSpeed refuses


def fragment(name: str, parameter: Any) -> Shard:
    """ZeRO-1 and 2: every rank computes with the whole parameter, and masters a fragment of it, which may be empty."""
    start, length = deepspeed.fragment_of(parameter)

    def master() -> Tensor:
        return deepspeed.master_fragment(parameter)

    def whole() -> Tensor:
        return parameter.detach()  # type: ignore[no-any-return]

    return Shard(
        name, parameter.shape, parameter.dtype, start, length, parameter.requires_grad, master, nothing, whole
    )  # fmt: skip


def partition(name: str, parameter: Any) -> Shard:
    """ZeRO-3: a slice of the flattened parameter, without the padding at its end.

    All slices have one size, rounded up, so the last ones reach past the parameter's end, or lie beyond it whole. The
    padding there comes from `torch.empty`, and nobody ever writes it (DeepSpeed 0.19.8, `partition_size` in
    runtime/zero/partition_parameters.py). In a norm, a hash or a file it would be noise, and other noise each time.

    Small parameters are persistent: their whole stays on every rank beside the partition, and must follow it.
    """
    import torch.distributed as dist

    kept = deepspeed.Partition(parameter)
    if kept.is_on_disk:
        raise CallsheetError(NVME)
    if kept.has_master_on_disk:
        raise CallsheetError(OPTIMIZER_NVME)
    if kept.has_second_copy:
        raise CallsheetError(SECONDARY)
    start = min(dist.get_rank(group=kept.group) * kept.padded, kept.whole)
    length = min(kept.padded, kept.whole - start)

    def master() -> Tensor:
        return kept.master().narrow(0, 0, length)

    def live() -> Tensor:
        return kept.local().narrow(0, 0, length)

    read = master if kept.has_master else live
    trains = parameter.requires_grad
    return Shard(name, kept.shape, parameter.dtype, start, length, trains, read, live, kept.persistent)
