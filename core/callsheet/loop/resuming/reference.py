"""The reference model of `sync_ref_model`, which changes while a run trains and is in no checkpoint of TRL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from callsheet.sharding import Sharding, Stored, save_shards

KIND = "ref"


def save(trainer: Any, folder: Path) -> None:
    """Write the reference into `folder`, each rank its own part; nothing if TRL does not sync it."""
    if is_synced(trainer):
        reference = _sharding(trainer)
        save_shards(reference, {name: shard.read() for name, shard in reference.chosen.items()}, folder, KIND)


def restore(trainer: Any, folder: Path) -> bool:
    """Restore it; on all ranks. Returns whether there was nothing to restore, or it is restored."""
    if not is_synced(trainer):
        return True
    reference = _sharding(trainer)
    stored = Stored(reference.chosen, folder, KIND)
    if stored:
        reference.write(stored.read)
    return bool(stored)


def is_synced(trainer: Any) -> bool:
    """Whether TRL's own callback lets the reference follow the model."""
    return bool(getattr(trainer.args, "sync_ref_model", False)) and getattr(trainer, "ref_model", None) is not None


def _sharding(trainer: Any) -> Sharding:
    def every(shard: Any) -> bool:
        return True

    return Sharding(trainer.accelerator.unwrap_model(trainer.ref_model), choose=every)
