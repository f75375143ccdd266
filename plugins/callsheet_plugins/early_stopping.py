"""Stops training when an evaluation metric no longer improves."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from callsheet import Plugin, hookimpl, setting
from callsheet.errors import CallsheetError, did_you_mean

if TYPE_CHECKING:
    from callsheet.records import LoopState

logger = logging.getLogger("callsheet")


class EarlyStopping(Plugin):
    """Stop when `metric` has not improved for `patience` evaluations in a row; a last checkpoint is saved.

    Works on evaluations inside the loop, so the trainer needs an eval_strategy. NaN never counts as an improvement.
    Where several data sets are evaluated, the metric's name says which one decides, as in `eval_held_out_loss`.
    """

    metric: str = setting("eval_loss", help="The metric to watch, as the trainer names it.")
    patience: int = setting(3, ge=1, help="Stop after this many evaluations in a row without improvement.")
    min_delta: float = setting(0.0, ge=0, help="An improvement is a change by more than this.")
    greater_is_better: bool = setting(False, help="Whether the metric should rise, as an accuracy should.")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._best: float | None = None
        self._waited = 0
        self._seen: dict[str, list[str]] = {}

    @hookimpl
    def on_train_start(self, state: LoopState) -> None:
        self._seen = {}
        if state.resumed_from is None:
            self._best, self._waited = None, 0
        if state.args is not None and state.args.eval_strategy == "no":
            logger.warning("early_stopping never stops this run: it evaluates nothing. Set trainer.eval_strategy.")

    @hookimpl
    def on_eval(self, state: LoopState, step_idx: int, eval_name: str, metrics: Mapping[str, float]) -> None:
        if self.metric not in metrics:
            self._refuse_if_unknown(state, eval_name, metrics)
            return
        value = float(metrics[self.metric])
        if self._improves(value):
            self._best, self._waited = value, 0
            return
        self._waited += 1
        if self._waited >= self.patience:
            state.request_stop(f"{self.metric} has not improved{self._on_best()} for {self.patience} evaluations")

    def state_dict(self) -> dict[str, Any]:
        return {"best": self._best, "waited": self._waited}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._best, self._waited = state_dict["best"], state_dict["waited"]

    def _improves(self, value: float) -> bool:
        if self._best is None:
            return value == value
        gain = value - self._best if self.greater_is_better else self._best - value
        return gain > self.min_delta

    def _on_best(self) -> str:
        return "" if self._best is None else f" on {self._best:.4g}"

    def _refuse_if_unknown(self, state: LoopState, eval_name: str, metrics: Mapping[str, float]) -> None:
        """Raise once every data set has been evaluated and none of them has the metric."""
        added = next((name for name in state.evaluations if self.metric.startswith(f"eval_{name}_")), "")
        if not eval_name.startswith(added):
            return  # a plugin's evaluation, which may begin later in the run
        self._seen[eval_name] = sorted(metrics)
        expected = getattr(state.trainer, "eval_dataset", None)
        if self._best is None and len(self._seen) >= (len(expected) if isinstance(expected, dict) else 1):
            names = [name for seen in self._seen.values() for name in seen]
            raise CallsheetError(
                f"The evaluation has no metric {self.metric!r}.{did_you_mean(self.metric, names)} "
                f"It has: {', '.join(names)}."
            )
