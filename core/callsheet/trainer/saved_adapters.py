"""Saved adapters: one that trains on, with the model below it, and those in a checkpoint that do not belong to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.config.schema import ModelSettings
from callsheet.errors import CallsheetError
from callsheet.model_files.contents import Damaged, json_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

CONFIG = "adapter_config.json"


def base_of(model: ModelSettings) -> ModelSettings | None:
    """The model below the adapter in the folder `model.path`; None where that is no folder of an adapter."""
    folder = Path(model.path).expanduser()
    if not (folder / CONFIG).is_file() or (folder / "config.json").is_file():
        return None
    try:
        base = json_of(folder / CONFIG).get("base_model_name_or_path")
    except Damaged as error:
        raise CallsheetError(str(error)) from error
    if not base:
        raise CallsheetError(f"{folder / CONFIG} does not say which model the adapter is for.")
    return replace(model, path=base, revision=None)


def with_saved(base: PreTrainedModel, model: ModelSettings) -> PreTrainedModel:
    """`base` with the adapter at `model.path` in it, ready to train on."""
    from peft import PeftModel
    from transformers.integrations import is_deepspeed_zero3_enabled

    # ZeRO-3 gathers small parameters in the type of the first one, and PEFT would make those of the adapter float32:
    # https://github.com/deepspeedai/DeepSpeed/issues/8072. TRL 1.16 does so for a new adapter (dpo_trainer.py).
    return PeftModel.from_pretrained(  # type: ignore[return-value]  # what trainers take in place of a model
        base,
        str(Path(model.path).expanduser()),
        is_trainable=True,
        autocast_adapter_dtype=not is_deepspeed_zero3_enabled(),
    )


def resume_alone(model: Any, checkpoint: Path, plugins: Iterable[str]) -> None:
    """Take out of `model` what plugins left in `checkpoint`, that it goes on from, in folders that bear their names.

    Trainer loads every folder of an adapter there, whether or not the plugin takes part in this run (transformers 5.23,
    trainer.py, `_load_from_checkpoint`: `adapter_subdirs`). Before 5.23 it then forgets the adapter beside them.
    """
    foreign = [
        name for name in plugins if name in getattr(model, "peft_config", {}) and name not in model.active_adapters
    ]
    for name in foreign:
        model.delete_adapter(name)
    if foreign and "default" in model.active_adapters and any(checkpoint.glob("adapter_model.*")):
        model.load_adapter(str(checkpoint), "default", is_trainable=True)
