"""Stops training when a metric no longer improves, or has reached a target."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet import Plugin, hookimpl, setting
from callsheet.errors import CallsheetError, did_you_mean

if TYPE_CHECKING:
    from callsheet.records import EvalResult, LogContext, LoopState, PreflightReport

logger = logging.getLogger("callsheet")


class EarlyStopping(Plugin):
    """Stop when `metric` has not improved for `patience` evaluations in a row; a last checkpoint is saved.

    The plugin watches evaluations inside the loop, so the trainer needs an eval_strategy. NaN is never an improvement.
    With several data sets, the metric's name says which one decides, as in `eval_held_out_loss`.

    `metric=BENCHMARK/METRIC` watches a benchmark instead, as in `gsm8k/exact_match`. Scores may arrive in any order;
    they count in the order of their steps. They should rise, unless `greater_is_better` says otherwise.
    """

    metric: str = setting("eval_loss", help="The metric to watch, as the trainer names it, or BENCHMARK/METRIC.")
    patience: int = setting(3, ge=1, help="Stop after this many evaluations in a row without improvement.")
    min_delta: float = setting(0.0, ge=0, help="An improvement is a change by more than this.")
    greater_is_better: bool | None = setting(
        None, help="Whether the metric should rise; by default true for a benchmark, false otherwise."
    )
    target: float | None = setting(None, help="Also stop as soon as the metric is as good as this.")
    weights: str = setting("raw", help="For a benchmark, the weights to watch: raw, or a plugin's, such as bema.")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._best: float | None = None
        self._waited = 0
        self._seen: dict[str, list[str]] = {}
        self._scores: dict[int, float] = {}
        self._loop: LoopState | None = None

    @property
    def _benchmark(self) -> str:
        """The benchmark to watch, or an empty string. A trainer's metric, `eval_…`, may hold a slash, too."""
        name, slash, _ = self.metric.partition("/")
        return name if slash and not name.startswith("eval_") else ""

    def reports(self) -> list[str]:
        return []

    @hookimpl
    def preflight(self, ctx: LogContext, report: PreflightReport) -> None:
        from callsheet.data.evaluation import without_loss  # which composing, that imports this file, does without

        if said := without_loss("plugins.early_stopping.metric", self.metric, ctx.run_config):
            report.problem(said)

    @hookimpl(tryfirst=True)  # other plugins may report a score in this hook
    def on_train_start(self, state: LoopState) -> None:
        self._seen, self._loop = {}, state
        if state.resumed_from is None:
            self._best, self._waited, self._scores = None, 0, {}
        if not self._benchmark and state.args is not None and state.args.eval_strategy == "no":
            logger.warning("early_stopping cannot stop a run without evaluations. Set trainer.args.eval_strategy.")

    @hookimpl
    def on_eval(self, state: LoopState, step_idx: int, eval_name: str, metrics: Mapping[str, float]) -> None:
        if self._benchmark:
            return
        if self.metric not in metrics:
            self._refuse_if_unknown(state, eval_name, metrics)
            return
        self._count(float(metrics[self.metric]))
        self._stop_if_due(state)

    @hookimpl
    def on_benchmark_eval(
        self, ctx: LogContext, eval_result: EvalResult, predictions: Sequence[Mapping[str, Any]], step: int | None
    ) -> None:
        if eval_result.name != self._benchmark or eval_result.tags.get("weights", "raw") != self.weights:
            return
        metric = self.metric.partition("/")[2]
        if metric not in eval_result.metrics:
            near, names = did_you_mean(metric, eval_result.metrics), ", ".join(eval_result.metrics)
            logger.warning("early_stopping: %s has no metric %r.%s It has: %s.", eval_result.name, metric, near, names)
        elif step is not None and self._loop:
            self._scores[step] = float(eval_result.metrics[metric])
            self._recount()
            self._stop_if_due(self._loop)

    @hookimpl
    def on_train_end(self, state: LoopState, artifacts: dict[str, Path]) -> None:
        if self._benchmark and not self._scores:
            logger.warning("early_stopping received no score %s of the weights %r while the run trained.",
                           self.metric, self.weights)  # fmt: skip
        self._loop = None

    def state_dict(self) -> dict[str, Any]:
        return {"best": self._best, "waited": self._waited, "scores": sorted(self._scores.items())}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._best, self._waited = state_dict["best"], state_dict["waited"]
        self._scores = {int(step): value for step, value in state_dict.get("scores", ())}

    def _recount(self) -> None:
        """Count again from the first step, because scores of a benchmark may arrive in any order, and twice."""
        self._best, self._waited = None, 0
        for step in sorted(self._scores):
            self._count(self._scores[step])

    def _count(self, value: float) -> None:
        if self._improves(value):
            self._best, self._waited = value, 0
        else:
            self._waited += 1

    def _stop_if_due(self, state: LoopState) -> None:
        if self.target is not None and self._best is not None and self._gain(self._best, self.target) >= 0:
            state.request_stop(f"{self.metric} has reached {self._best:.4g}, and the target is {self.target:.4g}")
        elif self._waited >= self.patience:
            state.request_stop(f"{self.metric} has not improved{self._on_best()} for {self.patience} evaluations")

    def _improves(self, value: float) -> bool:
        if self._best is None:
            return value == value
        return self._gain(value, self._best) > self.min_delta

    def _gain(self, value: float, other: float) -> float:
        rises = bool(self._benchmark) if self.greater_is_better is None else self.greater_is_better
        return value - other if rises else other - value

    def _on_best(self) -> str:
        return "" if self._best is None else f" on {self._best:.4g}"

    def _refuse_if_unknown(self, state: LoopState, eval_name: str, metrics: Mapping[str, float]) -> None:
        """Raise `CallsheetError` if every data set has been evaluated and none has the metric."""
        # Trainer adds how long each evaluation took (transformers 5.23, `speed_metrics` in trainer_utils.py).
        if not any(name.endswith("_runtime") for name in metrics):
            return  # a plugin reported this score
        added = next((name for name in state.evaluations if self.metric.startswith(f"eval_{name}_")), "")
        if not eval_name.startswith(added):
            return  # the metric is of a plugin's evaluation, which may begin later in the run
        self._seen[eval_name] = sorted(metrics)
        expected = getattr(state.trainer, "eval_dataset", None)
        if self._best is None and len(self._seen) >= (len(expected) if isinstance(expected, dict) else 1):
            names = [name for seen in self._seen.values() for name in seen]
            raise CallsheetError(
                f"The evaluation has no metric {self.metric!r}.{did_you_mean(self.metric, names)} "
                f"It has: {', '.join(names)}."
            )
