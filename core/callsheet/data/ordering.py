"""In which order a trainer takes rows: where it may go by their lengths, and where TRL leaves no choice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from callsheet.config.schema import TrainerSettings

NAME = "train_sampling_strategy"
BY_LENGTH = ("group_by_length", "batch_rebalance")  # evaluations go by lengths with the first one only
# Their rows hold several lists of tokens, and none is `input_ids`, whose length Trainer takes (trl 1.9 to 1.16).
WITHOUT_LENGTHS = ("trl.DPOTrainer", "trl.KTOTrainer", "trl.RewardTrainer")
OWN_ORDER = ("trl.GRPOTrainer", "trl.RLOOTrainer")
WITHOUT_NEIGHBOURS = "apo_zero_unpaired"  # the one loss of KTO that compares no row with those beside it


def problems(trainer: TrainerSettings) -> Iterator[str]:
    """Say which order TRL would refuse, or not heed, whatever the data."""
    strategy = trainer.args.get(NAME)
    if trainer.trainer_class in OWN_ORDER and strategy not in (None, "random"):
        yield (
            f"trainer={trainer.name} draws its prompts by a sampler of its own and does not heed "
            f"trainer.args.{NAME}={strategy}. Leave it out; trainer.args.shuffle_dataset=false keeps the rows in order."
        )
    if _compares_neighbours(trainer) and strategy not in (None, "sequential"):
        yield (
            f"trainer.args.{NAME}={strategy} tears apart the rows that trainer={trainer.name} compares. "
            f"Leave it out, or set trainer.args.loss_type={WITHOUT_NEIGHBOURS}."
        )


def missing_lengths(
    columns: Sequence[str] | None, trainer: TrainerSettings, path: str, *, evaluates: bool = False
) -> list[str]:
    """A problem if `trainer` cannot tell how long rows of `columns` are, by which it is to order them.

    None means that the columns are not known yet.
    """
    strategy, column = str(trainer.args.get(NAME)), trainer.args.get("length_column_name") or "length"
    groups = strategy in BY_LENGTH[: 1 if evaluates else 2]
    if not groups or trainer.trainer_class not in WITHOUT_LENGTHS or _compares_neighbours(trainer):
        return []
    needed = needs_lengths(trainer.trainer_class, strategy, column)
    if columns is not None and column not in columns:
        return [f"Data set '{path}' has no column {column!r}. {needed}"]
    return [] if trainer.args.get("remove_unused_columns") is False else [needed]


def _compares_neighbours(trainer: TrainerSettings) -> bool:
    return trainer.trainer_class == "trl.KTOTrainer" and trainer.args.get("loss_type") != WITHOUT_NEIGHBOURS


def needs_lengths(trainer_class: str, strategy: str, column: str) -> str:
    """What a trainer needs that makes rows without `input_ids`, and what works instead."""
    return (
        f"trainer.args.{NAME}={strategy} needs the length of each row, and {trainer_class} makes rows without "
        f"input_ids. Give the data a column {column!r} with a number for each row and set "
        f"trainer.args.remove_unused_columns=false, or leave {NAME} out."
    )


def unknown_lengths(args: Any, trainer_class: str, error: Exception) -> str:
    """What to say where the samplers of Trainer raise `error` for want of lengths; empty where they raise another."""
    strategy = getattr(args, NAME, None)
    if strategy not in BY_LENGTH or "automatically infer lengths" not in str(error):
        return ""
    return needs_lengths(trainer_class, strategy, str(args.length_column_name))
