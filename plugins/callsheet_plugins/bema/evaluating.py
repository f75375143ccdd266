"""Evaluation with the averaged weights in the model's place, and nothing saved while they are there."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from callsheet.privates.trl import gathered_in_evaluation

NAME = "bema"  # of the evaluation of the average, where there are both

Evaluate = Callable[[str], dict[str, float]]  # by the prefix of its metrics
Swapped = Callable[[], AbstractContextManager[bool]]


@dataclass
class Evaluation:
    """`which` is bema, or both: the model as it is, then the average, whose metrics are called `eval_bema_loss`."""

    which: str
    swapped: Swapped
    is_running: bool = False
    is_swapped: bool = False

    def __call__(self, trainer: Any, evaluate: Evaluate, prefix: str) -> dict[str, float]:
        """Evaluate the average, and where asked for the model too; every rank does."""
        if self.is_running:  # Trainer calls itself for each of several data sets
            return evaluate(prefix)
        self.is_running = True
        try:
            metrics = evaluate(prefix) if self.which == "both" else {}
            return {**self._averaged(trainer, evaluate, prefix), **metrics}
        finally:
            self.is_running = False

    def _averaged(self, trainer: Any, evaluate: Evaluate, prefix: str) -> dict[str, float]:
        with self.swapped() as is_averaged:
            self.is_swapped = True
            try:
                if self.which == "bema":
                    return evaluate(prefix)
                return evaluate(f"{prefix}_{NAME}") if is_averaged else _none_yet(trainer.args)
            finally:
                self.is_swapped = False

    def rename(self, trainer: Any) -> None:
        """Name what TRL's trainers gathered of the average as such: they put no prefix but eval_ before it."""
        if self.is_swapped and self.which == "both":
            gathered = gathered_in_evaluation(trainer)
            for key in list(gathered):
                gathered[f"{NAME}_{key}"] = gathered.pop(key)


def _none_yet(args: Any) -> dict[str, float]:
    """What Trainer finds the best checkpoint by, and would raise without: none before the first update."""
    metric = f"eval_{(args.metric_for_best_model or '').removeprefix('eval_')}"
    return {metric: math.nan} if metric.startswith(f"eval_{NAME}_") else {}
