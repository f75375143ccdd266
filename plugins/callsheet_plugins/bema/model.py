"""The model's side of BEMA: which models are refused, and how the average becomes a folder that loads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet import sharding as sharded
from callsheet.errors import CallsheetError

PROMPTS = ("PromptTuning", "MultitaskPromptTuning", "PromptEncoder", "PrefixTuning", "CPT")

if TYPE_CHECKING:
    from torch import Tensor

    from callsheet.records import LoopState
    from callsheet.sharding import Sharding

Values = Callable[[str], "Tensor | None"]


@dataclass(frozen=True)
class Formed:
    """How a checkpoint gets the average as a model: `write` takes what makes this rank's part of each parameter."""

    alpha: float
    write: Callable[[Values], None]


def problem_with_adapter(kind: str) -> str:
    """Why the average of an adapter with configuration class `kind` cannot be saved, or an empty string."""
    if kind.rpartition(".")[2].removesuffix("Config") not in PROMPTS:
        return ""
    return (
        f"bema cannot save the average of {kind}: PEFT ignores the given weights and saves the prompts that train. Use "
        "an adapter inside the layers, such as peft=lora, or take bema out of plugins."
    )


def refuse_what_cannot_be_saved(model: Any) -> None:
    """Raise `CallsheetError` for a model without `save_pretrained`, or with an adapter that cannot be saved."""
    if not hasattr(model, "save_pretrained"):
        raise CallsheetError(
            f"bema saves the average with save_pretrained, which {type(model).__name__} does not have. "
            "Use a model of transformers or PEFT, or take bema out of plugins."
        )
    for config in getattr(model, "peft_config", {}).values():
        if problem := problem_with_adapter(type(config).__name__):
            raise CallsheetError(problem)


def save(state: LoopState, model: Any, sharding: Sharding, folder: Path, values: Values) -> None:
    """Write the model with `values` instead of its own weights, and the tokenizer; on all ranks."""
    with _cache_allowed(model):
        sharded.save_model(model, sharding, folder, values)
    _save_tokenizer(state, sharding, folder)


def begin_saving(state: LoopState, model: Any, sharding: Sharding, folder: Path) -> Callable[[Values], None] | None:
    """Write all but the weights, which the result writes, in a thread. None where ranks must write them together."""
    with _cache_allowed(model):
        write = sharded.begin_saving(model, sharding, folder)
    if write:
        _save_tokenizer(state, sharding, folder)
    return write


def _save_tokenizer(state: LoopState, sharding: Sharding, folder: Path) -> None:
    if sharding.rank == 0 and state.tokenizer is not None:
        state.tokenizer.save_pretrained(folder)


@contextmanager
def _cache_allowed(model: Any) -> Iterator[None]:
    """Save with the key-value cache on: activation checkpointing turns it off, and generation would be slow."""
    config: Any = getattr(model, "config", None)
    if getattr(config, "use_cache", True):
        yield
        return
    config.use_cache = True
    try:
        yield
    finally:
        config.use_cache = False
