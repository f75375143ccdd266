"""Puts named callbacks into the trainer's list, in the order of the configuration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from callsheet.named_callbacks.loading import Named
from callsheet.plugins.lineup import Lineup

if TYPE_CHECKING:
    from transformers import Trainer, TrainerCallback


def ready(named: Sequence[Named], lineup: Lineup) -> list[TrainerCallback]:
    """The callbacks that need no trainer: guarded and timed like plugins, but their errors always raise."""
    for one in named:
        one.guard = lineup.callback_guard(one.entry.where, one.entry.path)
    return [lineup.guard_callback(one.callback, one.guard) for one in named if one.callback and one.guard]


def complete(named: Sequence[Named], trainer: Trainer, lineup: Lineup, after: TrainerCallback) -> None:
    """Make the callbacks that want the finished `trainer`, each in its place; the first one comes after `after`.

    Then each of these, and only these, hears `on_init_end`: the others heard it when the trainer was built.
    """
    callbacks = trainer.callback_handler.callbacks
    for one in named:
        if one.callback is None and one.guard is not None:
            callback = lineup.guard_callback(one.make(trainer), one.guard)
            place = next((index for index, other in enumerate(callbacks) if other is after), len(callbacks) - 1)
            callbacks.insert(place + 1, callback)
            _tell_init_end(trainer, callback)
        after = one.callback or after


def _tell_init_end(trainer: Trainer, callback: TrainerCallback) -> None:
    """Let the trainer's own handler tell it, with all that a callback gets."""
    handler = trainer.callback_handler
    everybody, handler.callbacks = handler.callbacks, [callback]
    try:
        trainer.control = handler.on_init_end(trainer.args, trainer.state, trainer.control)
    finally:
        handler.callbacks = everybody
