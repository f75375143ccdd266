"""The model's side of BEMA: which of its weights are averaged, and how the average becomes a folder that loads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.errors import CallsheetError

if TYPE_CHECKING:
    from torch import Tensor

    from callsheet.records import LoopState


def trainable(state: LoopState) -> dict[str, Tensor]:
    """The parameters that training changes, by name; tied ones once, under their first name."""
    return {name: tensor for name, tensor in unwrapped(state).named_parameters() if tensor.requires_grad}


def unwrapped(state: LoopState) -> Any:
    """The model without what data parallelism and compilation put around it."""
    if state.accelerator is None:
        return state.model
    return state.accelerator.unwrap_model(state.model, keep_torch_compile=False)


def refuse_what_cannot_be_averaged(state: LoopState) -> None:
    """Raise `CallsheetError` for sharded parameters, and for a model that could not be saved in the end."""
    if sharding := _sharding(state):
        raise CallsheetError(
            f"BEMA averages whole parameters, and {sharding} gives each rank a part of them. Train with plain data "
            "parallelism or ZeRO-2, or take bema out of plugins."
        )
    if not hasattr(unwrapped(state), "save_pretrained"):
        raise CallsheetError(
            f"BEMA saves the average with save_pretrained, which {type(unwrapped(state)).__name__} does not have. "
            "Use a model of transformers or PEFT, or take bema out of plugins."
        )


def save(state: LoopState, weights: Mapping[str, Tensor], folder: Path) -> None:
    """Write the model with `weights` in place of its own, and the tokenizer beside it."""
    model = unwrapped(state)
    model.save_pretrained(folder, state_dict=model.state_dict() | _under_every_name(model, weights))
    if state.tokenizer is not None:
        state.tokenizer.save_pretrained(folder)


def _under_every_name(model: Any, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`weights`, repeated for the further names of tied parameters."""
    first_names = {id(parameter): name for name, parameter in model.named_parameters()}
    names = ((name, first_names[id(p)]) for name, p in model.named_parameters(remove_duplicate=False))
    return {name: weights[first] for name, first in names if first in weights}


def _sharding(state: LoopState) -> str:
    from torch.distributed.tensor import DTensor

    parameters = list(unwrapped(state).parameters())
    if any(hasattr(parameter, "ds_id") for parameter in parameters):
        return "ZeRO-3"
    if any(isinstance(parameter, DTensor) for parameter in parameters):
        return "FSDP or tensor parallelism"
    return "FSDP" if state.accelerator is not None and state.accelerator.distributed_type == "FSDP" else ""
