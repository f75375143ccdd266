"""What a stage begins with: the final weights of the stage before, as overrides of its run."""

from __future__ import annotations

import json
from pathlib import Path

from callsheet.errors import CallsheetError, did_you_mean
from callsheet.results import RAW
from callsheet.rundir.rundir import RunDir
from callsheet.trainer.saved_adapters import CONFIG as OF_ADAPTER

OF_MODEL = "config.json"


def beginning(before: Path, weights: str | None) -> list[str]:
    """The overrides by which a run begins with what the run in `before` ended with; its optimizer is new.

    `weights` says which: raw, which is the model that trained, or the name of a plugin that made another, such as bema.
    A whole model takes the place of the one that the experiment names, with the tokenizer that was saved beside it; an
    adapter trains on, and so leaves no place for a second one. Raises `CallsheetError` where there are no such weights.
    """
    folder = final_weights(before, weights)
    anew = ["model.init=pretrained", "model.revision=null"]
    adapter = (folder / OF_ADAPTER).is_file() and not (folder / OF_MODEL).is_file()
    return [f"model.path={json.dumps(str(folder))}", *anew, *(["peft=none"] if adapter else [])]


def final_weights(before: Path, weights: str | None) -> Path:
    """The folder of the final model, or adapter, of the run in `before`. Raises `CallsheetError`."""
    folder = before if weights in (None, RAW) else _made_by(before, str(weights))
    if not any((folder / name).is_file() for name in (OF_MODEL, OF_ADAPTER)):
        raise CallsheetError(f"{folder} holds no final model: the run ended before it saved one.")
    return folder


def _made_by(before: Path, plugin: str) -> Path:
    artifacts = RunDir(before, is_main=False).run().get("artifacts") or {}
    if plugin not in artifacts:
        listed = ", ".join([RAW, *artifacts])
        raise CallsheetError(
            f"{before} has no weights {plugin!r} to begin the next stage with.{did_you_mean(plugin, artifacts)} "
            f"It has: {listed}."
        )
    return before / str(artifacts[plugin])
