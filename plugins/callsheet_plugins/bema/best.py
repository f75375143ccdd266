"""The best model, which Trainer loads at the end over the weights that an average is formed from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

LOADING = "_load_best_model"


def form_before(trainer: Any, form: Callable[[], None]) -> None:
    """Have `form` called before `trainer` loads its best checkpoint, which has no event; until it is forgotten."""
    load = getattr(trainer, LOADING)

    def form_and_load() -> None:
        form()
        load()

    setattr(trainer, LOADING, form_and_load)


def forget(trainer: Any) -> None:
    vars(trainer).pop(LOADING, None)
