"""The model's side of BEMA: what it cannot be saved as, and how the average becomes a folder that loads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.errors import CallsheetError
from callsheet.sharding import Sharding, save_model

if TYPE_CHECKING:
    from torch import Tensor

    from callsheet.records import LoopState


def refuse_what_cannot_be_saved(model: Any) -> None:
    """Raise `CallsheetError` for a model without `save_pretrained`."""
    if not hasattr(model, "save_pretrained"):
        raise CallsheetError(
            f"BEMA saves the average with save_pretrained, which {type(model).__name__} does not have. "
            "Use a model of transformers or PEFT, or take bema out of plugins."
        )


def save(
    state: LoopState, model: Any, sharding: Sharding, folder: Path, values: Callable[[str], Tensor | None]
) -> None:
    """Write the model with `values` in place of its own weights, and the tokenizer beside it; on all ranks."""
    save_model(model, sharding, folder, values)
    if sharding.rank == 0 and state.tokenizer is not None:
        state.tokenizer.save_pretrained(folder)
