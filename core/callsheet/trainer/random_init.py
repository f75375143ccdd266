"""Weights drawn at random, put where those look for them who expect every model to lie in a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from callsheet.disk.cleared import without_links
from callsheet.model_files.adapters import DRAWN
from callsheet.privates.deepspeed import has_partitions

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@contextmanager
def saved_temporarily(model: PreTrainedModel) -> Iterator[None]:
    """Keep `model` in a folder for as long as the block runs: GRPO and RLOO load their reference from there."""
    from safetensors.torch import save_model

    with TemporaryDirectory() as folder:
        model.config.architectures = [type(model).__name__]
        model.config.save_pretrained(folder)
        with _whole(model):  # each rank for itself: `model.save_pretrained` would write on rank 0 alone
            save_model(model, f"{folder}/model.safetensors", metadata={"format": "pt"})
        before, model.config.name_or_path = model.config.name_or_path, folder
        try:
            yield
        finally:
            model.config.name_or_path = before


def keep_base(model: PreTrainedModel, run_dir: Path, is_main: bool) -> None:
    """Save `model` beside the adapter that will be trained on it, which means nothing without these weights."""
    folder = run_dir / DRAWN
    with _whole(model):
        if is_main and not (folder / "config.json").exists():
            without_links(folder)
            model.save_pretrained(folder)
    model.name_or_path = model.config.name_or_path = str(folder)


def _whole(model: Any) -> Any:
    """A context in which parameters that ZeRO-3 has partitioned are whole."""
    if not has_partitions(model):
        return nullcontext()
    from deepspeed import zero  # type: ignore[import-untyped,import-not-found,unused-ignore]  # an extra

    return zero.GatheredParameters(list(model.parameters()))
