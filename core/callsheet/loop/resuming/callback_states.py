"""The state of callbacks such as EarlyStoppingCallback: Trainer saves it, and restores it only if it is told to."""

from __future__ import annotations

from typing import Any


def restore(trainer: Any) -> None:
    """Restore the attributes of callbacks from the state that Trainer has loaded; the objects stay the same."""
    from transformers.trainer_callback import ExportableState

    if trainer.args.restore_callback_states_from_checkpoint:
        return  # Trainer has done it
    saved = {name: [*_listed(states)] for name, states in trainer.state.stateful_callbacks.items()}
    for callback in trainer.callback_handler.callbacks:
        if isinstance(callback, ExportableState) and (states := saved.get(type(callback).__name__)):
            for name, value in states.pop(0).get("attributes", {}).items():
                setattr(callback, name, value)


def _listed(states: Any) -> list[dict[str, Any]]:
    return states if isinstance(states, list) else [states]
