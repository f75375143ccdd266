"""The model below what engines, compilation and activation checkpointing put around it, and its parameters' names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from callsheet.errors import CallsheetError
from callsheet.privates import deepspeed
from callsheet.privates.torch import WRAPPERS
from callsheet.sharding.shards import Shard, plain

if TYPE_CHECKING:
    from callsheet.records import LoopState


def unwrapped(state: LoopState) -> Any:
    """The model without what data parallelism and compilation put around it."""
    if state.accelerator is None:
        return state.model
    return state.accelerator.unwrap_model(state.model, keep_torch_compile=False)


def shards_of(model: Any) -> dict[str, Shard]:
    """The local shard of every parameter of an unwrapped model, by its name in the state dict; tied ones once.

    Raises `CallsheetError` where it is spread in a way that cannot be worked on in place, as by FSDP version 1.
    """
    from torch.distributed.fsdp import FullyShardedDataParallel  # that is version 1

    if any(isinstance(module, FullyShardedDataParallel) for module in model.modules()):
        raise CallsheetError(
            "FSDP version 1 keeps weights as one flat parameter per layer, which plugins cannot average or blend. "
            "Use launch=fsdp2, or fsdp_config.version=2."
        )
    return {plain_name(name): shard_of(plain_name(name), parameter) for name, parameter in model.named_parameters()}


def plain_name(name: str) -> str:
    """A parameter's name without wrappers.

    >>> plain_name("model.layers.0._checkpoint_wrapped_module.mlp.weight")
    'model.layers.0.mlp.weight'
    """
    for wrapper in WRAPPERS:
        name = name.replace(wrapper, "")
    return name


def shard_of(name: str, parameter: Any) -> Shard:
    """The local shard of `parameter`. Raises `CallsheetError` for what is spread in a way not known here."""
    from torch.distributed.tensor import DTensor

    from callsheet.sharding import dtensors, zero

    if deepspeed.is_partitioned(parameter):
        return zero.partition(name, parameter)
    if isinstance(parameter, DTensor):
        return dtensors.local(name, parameter)
    if deepspeed.is_fragmented(parameter):
        return zero.fragment(name, parameter)
    return plain(name, parameter)
