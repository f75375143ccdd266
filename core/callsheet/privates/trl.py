"""TRL: what its trainers gather for the log, and how they make a model whole for generation."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from callsheet.privates.library import Library, Private

LIBRARY = Library(
    "trl",
    read_in="1.16.0",
    source="https://github.com/huggingface/trl/blob/v1.16.0",
    names=(
        Private("SFTTrainer._metrics", "trl/trainer/sft_trainer.py", 1214, "names what was gathered of an average"),
        Private(
            "unwrap_model_for_generation", "trl/models/utils.py", 202, "generates under ZeRO-3",
            takes=(
                "model", "accelerator", "gather_deepspeed3_params", "generation_kwargs", "gradient_checkpointing_kwargs"
            ),
        ),
    ),
)  # fmt: skip


def gathered_in_evaluation(trainer: Any) -> dict[str, list[float]]:
    """What a trainer of TRL has gathered of the evaluation under way, to log beside the loss; nothing in others."""
    gathered: dict[str, list[float]] = getattr(trainer, "_metrics", {}).get("eval", {})
    return gathered


def whole_for_generation(wrapped: Any, accelerator: Any) -> AbstractContextManager[Any]:
    """The model below an engine of ZeRO-3, whole on each rank for as long as the block runs."""
    from trl.models.utils import unwrap_model_for_generation

    return unwrap_model_for_generation(wrapped, accelerator)  # type: ignore[no-any-return,unused-ignore]
