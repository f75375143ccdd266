"""Old checkpoints go once the new one is complete, plugins and all; Trainer deletes them before it tells anybody."""

from __future__ import annotations

from typing import Any


def defer(trainer: Any) -> None:
    """Keep `trainer` from deleting old checkpoints while it saves; `rotate` does it afterwards."""
    plain = trainer._save_checkpoint
    if getattr(plain, "is_deferred", False):
        return

    def save(*args: Any, **kwargs: Any) -> None:
        limit, trainer.args.save_total_limit = trainer.args.save_total_limit, None
        try:
            plain(*args, **kwargs)
        finally:
            trainer.args.save_total_limit = limit

    save.is_deferred = True  # type: ignore[attr-defined]  # for the next training with this trainer
    trainer._save_checkpoint = save


def rotate(trainer: Any) -> None:
    """Delete the oldest checkpoints beyond `save_total_limit`, as Trainer would have; on ranks that save."""
    from transformers.trainer_utils import rotate_checkpoints

    if trainer is not None and trainer.args.should_save:
        limit, best = trainer.args.save_total_limit, trainer.state.best_model_checkpoint
        rotate_checkpoints(trainer.args.output_dir, limit, best, use_mtime=True)
