"""Puts named callbacks into the trainer's list, in the order of the configuration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from callsheet.errors import CallsheetError
from callsheet.named_callbacks.checking import NEED_EVALUATION
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
            _require_prompts(one, trainer)
            place = next((index for index, other in enumerate(callbacks) if other is after), len(callbacks) - 1)
            callbacks.insert(place + 1, callback)
            _tell_init_end(trainer, callback)
        after = one.callback or after


def _require_prompts(named: Named, trainer: Trainer) -> None:
    """Raise `CallsheetError` if callbacks of TRL would miss the prompts to generate from, at some later step."""
    family = {f"{above.__module__}.{above.__qualname__}" for above in named.made_by.__mro__}
    columns = getattr(trainer.eval_dataset, "column_names", None)
    if family.intersection(NEED_EVALUATION) and isinstance(columns, list) and "prompt" not in columns:
        said = f"{named.entry.where}: {named.entry.path} generates from the column prompt of the evaluation data"
        raise CallsheetError(f"{said}, which {type(trainer).__name__} has prepared: they have {', '.join(columns)}.")


def _tell_init_end(trainer: Trainer, callback: TrainerCallback) -> None:
    """Let the trainer's own handler tell it, with all that a callback gets."""
    handler = trainer.callback_handler
    everybody, handler.callbacks = handler.callbacks, [callback]
    try:
        trainer.control = handler.on_init_end(trainer.args, trainer.state, trainer.control)
    finally:
        handler.callbacks = everybody
