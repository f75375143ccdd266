"""TRL: what its trainers gather for the log, what they generate and keep, and how they make a model whole for that.

`callsheet.loop.hosted` overrides the methods that generate, in a subclass of a trainer.
"""

from __future__ import annotations

from collections.abc import Mapping
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

BUFFERED = "completions to train on"
COUNTERS = ("_step", "_total_train_tokens", "_current_train_step_time", "entropy_coef", "_last_world_entropy")
KEPT: tuple[tuple[str, str, str, int], ...] = (
    ("GRPOTrainer", "grpo_trainer", "_step", 948),
    ("GRPOTrainer", "grpo_trainer", "_buffered_inputs", 951),
    ("GRPOTrainer", "grpo_trainer", "_metrics", 1080),
    ("GRPOTrainer", "grpo_trainer", "_total_train_tokens", 1081),
    ("GRPOTrainer", "grpo_trainer", "_current_train_step_time", 1082),
    ("GRPOTrainer", "grpo_trainer", "_logs", 1088),
    ("GRPOTrainer", "grpo_trainer", "entropy_coef", 846),
    ("GRPOTrainer", "grpo_trainer", "_last_world_entropy", 853),
    ("RLOOTrainer", "rloo_trainer", "_step", 634),
    ("RLOOTrainer", "rloo_trainer", "_buffered_inputs", 637),
    ("RLOOTrainer", "rloo_trainer", "_logs", 733),
    ("SFTTrainer", "sft_trainer", "_total_train_tokens", 1215),
    ("DPOTrainer", "dpo_trainer", "_total_train_tokens", 966),
    ("KTOTrainer", "kto_trainer", "_total_train_tokens", 976),
    ("RewardTrainer", "reward_trainer", "_total_train_tokens", 636),
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
        *(
            Private(f"{trainer}.{name}", f"trl/trainer/{file}.py", line, "resumes bit for bit")
            for trainer, file, name, line in KEPT
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


def inner_state(trainer: Any) -> dict[str, Any]:
    """What a trainer of TRL keeps from step to step, by what it is; nothing in other trainers.

    What GRPO and RLOO have generated is used for several steps (`_prepare_inputs`), and left out if the next step
    generates anew.
    """
    if not hasattr(trainer, "_metrics"):
        return {}
    logs = getattr(trainer, "_logs", {}) if getattr(trainer, "log_completions", False) else {}
    return {
        "counters": {name: getattr(trainer, name) for name in COUNTERS if hasattr(trainer, name)},
        "averages": {mode: dict(values) for mode, values in trainer._metrics.items()},
        "logged completions": {name: values for name, values in logs.items() if name != "images"},
        **({BUFFERED: trainer._buffered_inputs} if wants_buffer(trainer) else {}),
    }


def set_inner_state(trainer: Any, state: Mapping[str, Any]) -> None:
    """Give a trainer the `state` that `inner_state` has read, with its tensors on the trainer's device."""
    for name, value in state.get("counters", {}).items():
        setattr(trainer, name, value)
    for mode, values in state.get("averages", {}).items():
        for name, numbers in values.items():
            trainer._metrics[mode][name] = [*numbers]
    for name, values in state.get("logged completions", {}).items():
        _refill(trainer._logs[name], values)
    if BUFFERED in state:
        trainer._buffered_inputs = state[BUFFERED]


def cycle(trainer: Any) -> int:
    """For how many batches a trainer uses what it has generated at once; 1 if it generates nothing."""
    return (
        int(trainer.args.steps_per_generation * trainer.num_iterations) if hasattr(trainer, "_buffered_inputs") else 1
    )


def wants_buffer(trainer: Any) -> bool:
    """Whether the next batch is to be one that was generated before, and the trainer has it or has lost it."""
    return cycle(trainer) > 1 and trainer._step % cycle(trainer) != 0


def has_buffer(trainer: Any) -> bool:
    return getattr(trainer, "_buffered_inputs", None) is not None


def align(trainer: Any, batches_done: int) -> None:
    """Have a trainer generate when the data have new prompts for it, after `batches_done` batches of an epoch."""
    if hasattr(trainer, "_buffered_inputs"):
        trainer._step, trainer._buffered_inputs = batches_done, None


def _refill(kept: Any, values: Any) -> None:
    if isinstance(values, dict):
        for name, more in values.items():
            kept[name].extend(more)
    else:
        kept.extend(values)
