"""TRL: what its trainers gather for the log, what they generate, and how they make a model whole for that.

`callsheet.loop.hosted` overrides the methods that generate, in a subclass of a trainer.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from callsheet.privates.library import Library, Private

PREPARING = (("SFT", 1228), ("DPO", 1036), ("KTO", 1044), ("Reward", 649))
SCORED = ("inputs", "prompts", "completions", "completion_ids_list")
ROLLOUTS: tuple[tuple[str, str, str, int, tuple[str, ...]], ...] = (
    ("GRPOTrainer", "grpo_trainer", "_calculate_rewards", 1579, SCORED),
    ("GRPOTrainer", "grpo_trainer", "_generate_and_score_completions", 2324, ("inputs",)),
    ("RLOOTrainer", "rloo_trainer", "_calculate_rewards", 1148, SCORED),
    ("RLOOTrainer", "rloo_trainer", "_generate_and_score_completions", 1458, ("inputs",)),
)

LIBRARY = Library(
    "trl",
    read_in="1.16.0",
    source="https://github.com/huggingface/trl/blob/v1.16.0",
    names=(
        *(
            Private(f"{trainer}.{name}", f"trl/trainer/{file}.py", line, "tells on_rollouts what was generated", takes)
            for trainer, file, name, line, takes in ROLLOUTS
        ),
        *(
            Private(
                f"{name}Trainer._prepare_dataset", f"trl/trainer/{name.lower()}_trainer.py", line,
                "looks at what a trainer made of its data", takes=("dataset", "processing_class", "args"),
            )
            for name, line in PREPARING
        ),
        Private("SFTTrainer._metrics", "trl/trainer/sft_trainer.py", 1214, "names what was gathered of an average"),
        Private(
            "unwrap_model_for_generation", "trl/models/utils.py", 202, "generates under ZeRO-3",
            takes=("model", "accelerator"),
        ),
    ),
)  # fmt: skip


def prepares_data(trainer_class: type[Any]) -> bool:
    """Whether a trainer turns its data into tokens, and drops what is too long, while it builds itself."""
    return hasattr(trainer_class, "_prepare_dataset")


def gathered_in_evaluation(trainer: Any) -> dict[str, list[float]]:
    """What a trainer of TRL has gathered of the evaluation under way, to log beside the loss; nothing in others."""
    gathered: dict[str, list[float]] = getattr(trainer, "_metrics", {}).get("eval", {})
    return gathered


def whole_for_generation(wrapped: Any, accelerator: Any) -> AbstractContextManager[Any]:
    """The model below an engine of ZeRO-3, whole on each rank for as long as the block runs."""
    from trl.models.utils import unwrap_model_for_generation

    return unwrap_model_for_generation(wrapped, accelerator)  # type: ignore[no-any-return,unused-ignore]
