"""DeepSpeed: what ZeRO hangs onto the parameters of a model, which its own functions read in the same way."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from callsheet.privates.library import Library, Private

if TYPE_CHECKING:
    from torch import Size, Tensor

PARTITIONING = "deepspeed/runtime/zero/partition_parameters.py"
WEIGHTS = "reads and writes the weights in place"

LIBRARY = Library(
    "deepspeed",
    read_in="0.19.8",
    source="https://github.com/deepspeedai/DeepSpeed/blob/v0.19.8",
    names=(
        Private("ds_id", PARTITIONING, 1320, "knows a parameter of ZeRO-3"),
        Private("ds_numel", PARTITIONING, 1282, WEIGHTS),
        Private("ds_shape", PARTITIONING, 1279, WEIGHTS),
        Private("ds_tensor", PARTITIONING, 1846, WEIGHTS),
        Private("ds_status", PARTITIONING, 1276, "finds the small parameters that ZeRO-3 also keeps whole"),
        Private("ds_process_group", PARTITIONING, 1302, WEIGHTS),
        Private("ds_secondary_tensor", PARTITIONING, 1926, "refuses ZeRO++"),
        Private("final_location", PARTITIONING, 1849, "refuses weights on a disk"),
        Private("_z3_optimizer", "deepspeed/runtime/zero/stage3.py", 807, "knows what has float32 master weights"),
        Private("_hp_mapping", "deepspeed/utils/mixed_precision_linkage.py", 29, "knows a parameter of ZeRO-1 and 2"),
        Private("tensor_fragment.lp_fragment_address", "deepspeed/utils/tensor_fragment.py", 21, WEIGHTS),
        Private("tensor_fragment.get_hp_fragment", "deepspeed/utils/tensor_fragment.py", 55, WEIGHTS),
        Private("__compatible_ops__", "deepspeed/ops/__init__.py", 32, "keeps DeepSpeed from calling a compiler"),
    ),
)  # fmt: skip


def is_partitioned(parameter: Any) -> bool:
    """Whether ZeRO-3 has taken a parameter over."""
    return hasattr(parameter, "ds_id")


def has_partitions(model: Any) -> bool:
    return any(is_partitioned(parameter) for parameter in model.parameters())


def whole_size(parameter: Any) -> int:
    """The elements of a parameter; ZeRO-3 leaves an empty tensor in place of the whole one."""
    return int(getattr(parameter, "ds_numel", None) or parameter.numel())


def whole_rows(parameter: Any) -> int:
    """The first dimension of a parameter, before ZeRO-3 took it over."""
    return int(getattr(parameter, "ds_shape", parameter.shape)[0])


def without_compiler() -> None:
    """Have DeepSpeed exchange data between CPUs over gloo, without an operation that it would compile first."""
    operations = import_module("deepspeed.ops")  # an extra, which type checkers need not find
    operations.__compatible_ops__["deepspeed_shm_comm"] = False


class Partition:
    """The part of a parameter that this rank keeps under ZeRO-3."""

    def __init__(self, parameter: Any) -> None:
        self.parameter = parameter

    @property
    def shape(self) -> Size:
        """Of the whole parameter."""
        return self.parameter.ds_shape  # type: ignore[no-any-return]

    @property
    def whole(self) -> int:
        """The elements of the whole parameter."""
        return int(self.parameter.ds_numel)

    @property
    def padded(self) -> int:
        """The elements that each rank keeps, on the last one with what nobody ever wrote at their end."""
        return int(self.parameter.ds_tensor.ds_numel)

    @property
    def group(self) -> Any:
        """The ranks that share the parameter."""
        return self.parameter.ds_process_group

    def local(self) -> Tensor:
        """What the model computes with, as one dimension, padding and all."""
        return self.parameter.ds_tensor.detach().view(-1)  # type: ignore[no-any-return]

    def master(self) -> Tensor:
        """The same in float32, as the optimizer keeps it."""
        fragments = import_module("deepspeed.utils")
        return fragments.safe_get_local_fp32_param(self.parameter).detach()  # type: ignore[no-any-return]

    def persistent(self) -> Tensor | None:
        """The whole parameter, where every rank keeps it beside the partitions, as of small ones."""
        return self.parameter.detach() if self.parameter.ds_status.name == "AVAILABLE" else None

    @property
    def has_master(self) -> bool:
        return bool(self.parameter.requires_grad) and hasattr(self.parameter, "_z3_optimizer")

    @property
    def is_on_disk(self) -> bool:
        return getattr(self.parameter.ds_tensor, "final_location", None) == "nvme"

    @property
    def has_master_on_disk(self) -> bool:
        return bool(getattr(getattr(self.parameter, "_z3_optimizer", None), "swap_optimizer", False))

    @property
    def has_second_copy(self) -> bool:
        """Whether ZeRO++ computes with another one."""
        return getattr(self.parameter, "ds_secondary_tensor", None) is not None


def is_fragmented(parameter: Any) -> bool:
    """Whether ZeRO-1 or 2 masters a fragment of a parameter on this rank, or on another."""
    return hasattr(parameter, "_hp_mapping")


def fragment_of(parameter: Any) -> tuple[int, int]:
    """Start and length of the fragment of a flattened parameter that this rank masters; it may be empty."""
    mapping = parameter._hp_mapping
    address = mapping.lp_fragment_address if mapping else None
    return (address.start, address.numel) if address else (0, 0)


def master_fragment(parameter: Any) -> Tensor:
    """That fragment in float32. DeepSpeed makes the mapping anew when it loads a checkpoint, so do not keep it."""
    mapping = parameter._hp_mapping
    return mapping.get_hp_fragment().detach() if mapping else parameter.detach().new_empty(0).float()  # type: ignore[no-any-return]
