"""Whether a checkpoint fits the run that is to go on from it: its engine, its number of processes, its model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from callsheet.errors import CallsheetError, counted
from callsheet.model_files.contents import Damaged, json_of
from callsheet.records import ManifestRow

SIZES = (
    "model_type",
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
)
SHARDED = ("zero2", "zero3", "fsdp2")
FIXED = ("zero2", "zero3")  # DeepSpeed reads back only what as many processes have saved


def require(row: ManifestRow, engine: str, processes: int, model: Any) -> None:
    """Raise `CallsheetError` when `model` under `engine` on `processes` processes cannot go on from `row`."""
    config = model.config.to_dict() if hasattr(getattr(model, "config", None), "to_dict") else {}
    if wrong := misfit(row.path, engine, processes) or another_model(row.path, config):
        raise CallsheetError(wrong)


def misfit(folder: Path, engine: str, processes: int | None) -> str:
    """Why `engine` on `processes` processes cannot read the checkpoint in `folder`, or an empty string."""
    saved_by, before = engine_of(folder), processes_of(folder)
    wanted = engine if engine in SHARDED else "ddp"
    if saved_by != wanted:
        right = "ddp or single" if saved_by == "ddp" else saved_by
        return (
            f"{folder} was saved by launch={saved_by}, and launch={engine} cannot read its optimizer. "
            f"Use launch={right}."
        )
    if engine in FIXED and processes not in (before, None):
        saved = counted(before, "process", "processes")
        return (
            f"{folder} was saved by {saved} of launch={engine}, each with its part of the optimizer, and "
            f"{processes} cannot take it over. Go on with {before}; only launch=ddp and fsdp2 may change the number."
        )
    return ""


def another_model(folder: Path, config: Mapping[str, Any]) -> str:
    """How the model in `folder` differs from the one of `config`, or an empty string."""
    try:
        saved = json_of(folder / "config.json")
    except Damaged as error:
        return str(error)
    for key in SIZES:
        if key in saved and key in config and saved[key] != config[key]:
            return (
                f"{folder} is a checkpoint of another model: its {key} is {saved[key]!r}, "
                f"and that of this run's model is {config[key]!r}."
            )
    return ""


def engine_of(folder: Path) -> str:
    """The engine that saved `folder`; ddp for what one process could have saved as well."""
    if any(folder.glob("pytorch_model_fsdp*")):
        return "fsdp2"
    if any(folder.glob("global_step*/*optim_states.pt")):
        return "zero3" if any(folder.glob("global_step*/zero_pp_rank_*model_states.pt")) else "zero2"
    return "ddp"


def processes_of(folder: Path) -> int:
    """How many processes saved `folder`: each has left the state of its random numbers."""
    return len(list(folder.glob("rng_state_*.pth"))) or 1
