"""The plugin: it watches the metric, reports it, and asks for the stop."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet import Plugin, hookimpl, setting
from callsheet.errors import first_line
from callsheet_plugins.halving.beside import Beside, Task

if TYPE_CHECKING:
    from callsheet.records import EvalResult, LogContext, LoopState, PreflightReport
    from callsheet_plugins.halving.referee import Referee

logger = logging.getLogger("callsheet")

JOURNAL = "search.log"


class Halving(Plugin):
    """Stop a run that lags behind the others of its experiment: successive halving, by Optuna.

    The run reports `metric` to the study of its experiment, at the steps at which it is logged or evaluated. At
    `min_steps`, and at `factor` times as many steps, and so on, one in `factor` of the runs that came so far goes on;
    the others are stopped, with a last checkpoint. The first runs have nobody to lag behind, and go on. A metric that
    is NaN there stops the run. Let all runs evaluate at the same steps.

    `metric=BENCHMARK.METRIC` reports a benchmark, as in `test.exact_match`. A run that was stopped stays stopped when
    it is resumed. The journal is Optuna's own; a run goes on without it, with a warning, where it cannot be used.
    """

    metric: str = setting(help="What is compared, as the trainer or a plugin logs it, or BENCHMARK.METRIC.")
    direction: str = setting("maximize", choices=("maximize", "minimize"), help="What is better.")
    min_steps: int = setting(ge=1, help="Steps that every run takes.")
    factor: int = setting(3, ge=2, help="One in this many runs goes on, each time.")
    weights: str = setting("raw", help="For a benchmark, the weights to compare: raw, or a plugin's, such as bema.")
    journal: str | None = setting(None, help=f"Optuna's journal; by default {JOURNAL} in the folder of the experiment.")
    arm: str | None = setting(None, help="Whose values these are; by default the name of the run directory.")
    wait_seconds: float = setting(10.0, gt=0, help="Training waits so long for the journal at most, then goes on.")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._loop: LoopState | None = None
        self._referee: Referee | None = None
        self._beside: Beside | None = None
        self._has_asked = False
        self._said: set[str] = set()
        self._reported: set[int] = set()

    @hookimpl
    def preflight(self, ctx: LogContext, report: PreflightReport) -> None:
        from callsheet.data.evaluation import without_loss  # which composing, that imports this file, does without

        if find_spec("optuna") is None:
            report.problem("Plugin 'halving' needs the package optuna: pip install 'callsheet[search]'.")
        if said := without_loss("plugins.halving.metric", self.metric, ctx.run_config):
            report.problem(said)
        if self.journal and not Path(self.journal).absolute().parent.is_dir():
            report.problem(f"plugins.halving.journal={self.journal}: there is no such folder.")
        last = _of_trainer(ctx, "max_steps")
        if isinstance(last, int) and 0 < last <= self.min_steps:
            report.warning(f"plugins.halving.min_steps={self.min_steps} stops nobody: the run takes {last} steps.")

    @hookimpl(tryfirst=True)  # other plugins may report a score in this hook
    def on_train_start(self, state: LoopState) -> None:
        from callsheet_plugins.halving.referee import Referee

        self._loop, self._reported, self._has_asked = state, set(), False
        path = Path(self.journal) if self.journal else state.ctx.run_dir.parent / JOURNAL
        arm = self.arm or state.ctx.run
        self._referee = Referee(path.absolute(), arm, self.direction, self.min_steps, self.factor)
        self._beside = Beside(self.wait_seconds)
        self._do(self._referee.begin)
        self._stop_if_pruned(state, self._referee)
        if self._referee.is_over:
            logger.warning("halving: %s has its final score in %s, and is not compared again.", arm, path)

    @hookimpl
    def on_log(self, state: LoopState, logs: Mapping[str, float]) -> None:
        self._report(state.step, logs.get(self.metric))

    @hookimpl
    def on_eval(self, state: LoopState, step_idx: int, eval_name: str, metrics: Mapping[str, float]) -> None:
        self._report(step_idx, metrics.get(self.metric))

    @hookimpl
    def on_benchmark_eval(
        self, ctx: LogContext, eval_result: EvalResult, predictions: Sequence[Mapping[str, Any]], step: int | None
    ) -> None:
        metric = self.metric.removeprefix(f"{eval_result.name}.")
        if metric != self.metric and step is not None and eval_result.tags.get("weights", "raw") == self.weights:
            self._report(step, eval_result.metrics.get(metric))

    @hookimpl
    def on_train_end(self, state: LoopState, artifacts: dict[str, Path]) -> None:
        if not self._reported:
            logger.warning("halving: the run has logged no %s, and was compared with nobody.", self.metric)
        if self._beside and not self._beside.close():
            self._warn("late", "the last values were not reported in time")
        self._loop = self._beside = None

    def _report(self, step: int, value: float | None) -> None:
        """Report a value, unless it was: an evaluation is logged, too. The last step has nothing left to stop."""
        loop, referee = self._loop, self._referee
        if value is None or loop is None or referee is None or step in self._reported:
            return
        self._reported.add(step)
        number = float(value)
        self._do(lambda: referee.report(step, number, compare=loop.step < loop.max_steps))
        self._stop_if_pruned(loop, referee)

    def _stop_if_pruned(self, loop: LoopState, referee: Referee) -> None:
        """Also where the answer to an earlier report came too late to be waited for."""
        if referee.is_pruned and not self._has_asked:
            self._has_asked = True
            loop.request_stop(f"halving: {self._reason(referee)}")

    def _reason(self, referee: Referee) -> str:
        if not referee.lost:
            return "it was stopped before"
        step, value = referee.lost
        return f"{self.metric} {value:.4g} at step {step}" + ("" if math.isnan(value) else " lags behind other runs")

    def _do(self, task: Task) -> None:
        assert self._beside is not None
        if not self._beside.do(task):
            self._warn("late", "it is locked, or its disk is slow, and training no longer waits for it")
        for error in self._beside.errors():
            self._warn(type(error).__name__, self._explained(error))

    def _explained(self, error: BaseException) -> str:
        from callsheet.experiments.search.refusals import damage

        assert self._referee is not None
        try:
            said = "" if isinstance(error, OSError) else damage(self._referee.path)
        except OSError:
            said = ""
        return said or f"{type(error).__name__}: {first_line(error)}"

    def _warn(self, kind: str, said: str) -> None:
        """Say each kind once: a journal that cannot be used fails at every report."""
        if kind in self._said or self._referee is None:
            return
        self._said.add(kind)
        logger.warning("halving could not use %s: %s. The run goes on.", self._referee.path, said.removesuffix("."))
        if self._loop:
            self._loop.ctx.remarks["halving"] = f"could not compare this run all the time: {said}"


def _of_trainer(ctx: LogContext, name: str) -> Any:
    return ((ctx.run_config.get("trainer") or {}).get("args") or {}).get(name)
