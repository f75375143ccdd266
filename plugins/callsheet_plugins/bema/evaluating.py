"""Evaluation with the averaged weights in the model's place, and nothing saved while they are there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from callsheet.errors import CallsheetError

SAVING = ("save_model", "_save_checkpoint")

Swapped = Callable[[], AbstractContextManager[bool]]


class Evaluation:
    """Takes the place of `trainer.evaluate`, which has no event before it, until it is removed.

    `which` is bema, or both: the model as it is, then the average, whose metrics are called `eval_bema_loss`.
    """

    def __init__(self, trainer: Any, which: str, swapped: Swapped) -> None:
        self.trainer, self.which, self.swapped = trainer, which, swapped
        self._plain = trainer.evaluate
        self._running = False
        trainer.evaluate = self

    def remove(self) -> None:
        vars(self.trainer).pop("evaluate", None)

    def __call__(
        self,
        eval_dataset: Any = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
        **more: Any,
    ) -> dict[str, float]:
        def plain(prefix: str) -> dict[str, float]:
            return self._plain(eval_dataset, ignore_keys, metric_key_prefix=prefix, **more)  # type: ignore[no-any-return]

        if self._running:  # Trainer calls itself for each of several data sets
            return plain(metric_key_prefix)
        self._running = True
        try:
            return self._evaluate(plain, metric_key_prefix)
        finally:
            self._running = False

    def _evaluate(self, plain: Callable[[str], dict[str, float]], prefix: str) -> dict[str, float]:
        metrics = plain(prefix) if self.which == "both" else {}
        with self.swapped() as is_averaged, _unsavable(self.trainer):
            if self.which == "bema":
                return plain(prefix)
            return {**(plain(f"{prefix}_bema") if is_averaged else {}), **metrics}


@contextmanager
def _unsavable(trainer: Any) -> Iterator[None]:
    """Refuse to save what is not the model that trains."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise CallsheetError("The model holds averaged weights for an evaluation; save it before or after.")

    for name in SAVING:
        setattr(trainer, name, refuse)
    try:
        yield
    finally:
        for name in SAVING:
            vars(trainer).pop(name, None)
