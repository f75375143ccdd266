"""What remains to be done once the loop is over: the model in the run directory, ready to load."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import Trainer

    from callsheet.session import Session


def finish(trainer: Trainer, session: Session) -> None:
    """Save the model and its tokenizer into the run directory; called on every rank."""
    if session.signals.received:
        return  # a checkpoint was saved; whoever sent the signal wants the process gone
    if session.run_dir.is_main:
        _free_links(session.run_dir.path)
    trainer.save_model()
    session.run_dir.event("saved", path=str(session.run_dir.path), step=session.state.step)


def _free_links(folder: Path) -> None:
    """Unlink what an outbox entry still holds: safetensors writes in place, and would change it under the courier."""
    for path in folder.iterdir():
        if path.is_file() and path.stat().st_nlink > 1:
            path.unlink()
