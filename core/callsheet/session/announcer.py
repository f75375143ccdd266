"""Writes scores and the courier's results into the run directory, then announces them to every plugin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from callsheet.outbox import Outbox
from callsheet.outbox.predictions import Predictions
from callsheet.outbox.supervisor.announcing import Results
from callsheet.outbox.supervisor.supervisor import Supervisor
from callsheet.records import EvalResult, LogContext, LoopState
from callsheet.rundir import rundir
from callsheet.rundir.rundir import RunDir, now

if TYPE_CHECKING:
    from callsheet.outbox.settings import OutboxSettings
    from callsheet.plugins.lineup import Lineup

PREDICTIONS = "predictions"


class Announcer:
    """Announces results to the plugins of one run, which may be training or long dead."""

    def __init__(self, run_dir: RunDir, ctx: LogContext, lineup: Lineup) -> None:
        self.run_dir, self.ctx, self.lineup = run_dir, ctx, lineup

    def score(self, result: EvalResult, predictions: Sequence[Mapping[str, Any]], step: int | None) -> None:
        """Write a score and its predictions to disk, then call `on_benchmark_eval`."""
        step = result.step if step is None else step
        self.run_dir.append(rundir.EVALS, {"time": now(), **asdict(result), "step": step}, durable=True)
        if predictions and self.run_dir.is_main:
            self._keep(predictions, (result.name, result.tags.get("weights"), step))
        self.lineup.hooks.on_benchmark_eval(ctx=self.ctx, eval_result=result, predictions=predictions, step=step)

    def score_in_loop(
        self, state: LoopState, result: EvalResult, predictions: Sequence[Mapping[str, Any]], step: int | None
    ) -> None:
        """Do the same for a score of the model in the loop; it is also an evaluation, so call `on_eval` too."""
        self.score(result, predictions, step)
        self.lineup.hooks.on_eval(state=state, step_idx=state.step, eval_name=result.name, metrics=result.metrics)

    def supervise(self, settings: OutboxSettings) -> Supervisor:
        """Make the supervisor of the outbox and set `ctx.outbox`; the caller must hold the run directory's lock."""
        results = Results(self.run_dir, self.ctx, self.lineup.hooks, self.score)
        supervisor = Supervisor(self.run_dir, settings, results)
        self.ctx.outbox = Outbox(self.run_dir.path, supervisor.was_put)
        return supervisor

    def _keep(self, predictions: Sequence[Mapping[str, Any]], about: tuple[object, ...]) -> None:
        name = "-".join(str(part) for part in about if part is not None)
        folder = self.run_dir.path / PREDICTIONS
        folder.mkdir(exist_ok=True)
        if isinstance(predictions, Predictions):
            predictions.keep(folder / f"{name}.jsonl")
        else:
            self.run_dir.write_text(f"{PREDICTIONS}/{name}.jsonl", rundir.lines(predictions))
