"""Evaluation of the averaged weights, which take the model's place; nothing is saved in the meantime."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from callsheet.privates.trl import gathered_in_evaluation
from callsheet.randomness import random_states_kept

NAME = "bema"  # names the average's evaluation, if there are two

Evaluate = Callable[[str], dict[str, float]]  # takes the prefix of the metrics
Swapped = Callable[[], AbstractContextManager[bool]]


@dataclass
class Evaluation:
    """Evaluates the average; with `which="both"` first the model, and the average's metrics are `eval_bema_…`."""

    which: str
    swapped: Swapped
    is_running: bool = False
    is_swapped: bool = False

    def __call__(self, trainer: Any, evaluate: Evaluate, prefix: str) -> dict[str, float]:
        """Evaluate the average and, if asked for, the model; on every rank."""
        if self.is_running:  # for several data sets, Trainer.evaluate calls itself
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
                if not is_averaged:
                    return _none_yet(trainer.args)
                with random_states_kept():  # without this plugin, there is one evaluation
                    return evaluate(f"{prefix}_{NAME}")
            finally:
                self.is_swapped = False

    def rename(self, trainer: Any) -> None:
        """Rename the average's metrics that TRL's trainers gathered, because TRL gives them no prefix but `eval_`."""
        if self.is_swapped and self.which == "both":
            gathered = gathered_in_evaluation(trainer)
            for key in list(gathered):
                gathered[f"{NAME}_{key}"] = gathered.pop(key)


def _none_yet(args: Any) -> dict[str, float]:
    """NaN for the metric of the best checkpoint: before the first update there is none, and Trainer would raise."""
    metric = f"eval_{(args.metric_for_best_model or '').removeprefix('eval_')}"
    return {metric: math.nan} if metric.startswith(f"eval_{NAME}_") else {}
