"""Evaluation with the averaged weights in the model's place, and nothing saved while they are there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from callsheet.errors import CallsheetError

SAVING = ("save_model", "_save_checkpoint")
NAME = "bema"  # of the evaluation of the average, where there are both

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
            with _renamed(self.trainer):
                average = plain(f"{prefix}_{NAME}") if is_averaged else _none_yet(self.trainer.args)
        return {**average, **metrics}


def _none_yet(args: Any) -> dict[str, float]:
    """What Trainer finds the best checkpoint by, and would raise without: none before the first update."""
    metric = f"eval_{(args.metric_for_best_model or '').removeprefix('eval_')}"
    return {metric: math.nan} if metric.startswith(f"eval_{NAME}_") else {}


@contextmanager
def _renamed(trainer: Any) -> Iterator[None]:
    """Have TRL's trainers name what they gather of the average as such; they put no prefix but eval_ before it."""
    plain = trainer.log

    def log(*args: Any, **kwargs: Any) -> None:
        gathered = getattr(trainer, "_metrics", {}).get("eval", {})
        for key in list(gathered):
            gathered[f"{NAME}_{key}"] = gathered.pop(key)
        plain(*args, **kwargs)

    with _replaced(trainer, log=log):
        yield


@contextmanager
def _replaced(trainer: Any, **methods: Any) -> Iterator[None]:
    """Give `trainer` other methods for a while; then what it had of its own, or its class's again."""
    before = {name: vars(trainer)[name] for name in methods if name in vars(trainer)}
    vars(trainer).update(methods)
    try:
        yield
    finally:
        for name in methods:
            del vars(trainer)[name]
        vars(trainer).update(before)


@contextmanager
def _unsavable(trainer: Any) -> Iterator[None]:
    """Refuse to save what is not the model that trains."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise CallsheetError("The model holds averaged weights for an evaluation; save it before or after.")

    with _replaced(trainer, **dict.fromkeys(SAVING, refuse)):
        yield
