"""Weights drawn at random, put where those look for them who expect every model to lie in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedModel

BASE = "base"


@contextmanager
def findable(model: PreTrainedModel) -> Iterator[None]:
    """Keep `model` in a folder for as long as the block runs: GRPO and RLOO load their reference from there."""
    with TemporaryDirectory() as folder:
        _save(model, Path(folder), on_this_rank=True)
        before, model.config._name_or_path = model.config._name_or_path, folder
        try:
            yield
        finally:
            model.config._name_or_path = before


def keep_base(model: PreTrainedModel, run_dir: Path, is_main: bool) -> None:
    """Save `model` beside the adapter that will be trained on it, which means nothing without these weights."""
    folder = run_dir / BASE
    _save(model, folder, on_this_rank=is_main and not (folder / "config.json").exists())
    model.name_or_path = model.config._name_or_path = str(folder)


def _save(model: PreTrainedModel, folder: Path, on_this_rank: bool) -> None:
    with _whole(model):
        if on_this_rank:
            model.save_pretrained(folder)


def _whole(model: Any) -> Any:
    """A context in which parameters that ZeRO-3 has partitioned are whole."""
    if not any(hasattr(parameter, "ds_id") for parameter in model.parameters()):
        return nullcontext()
    from deepspeed import zero  # type: ignore[import-untyped,import-not-found,unused-ignore]  # an extra

    return zero.GatheredParameters(list(model.parameters()))
