"""Writes scores and the courier's results into the run directory, then announces them to every plugin."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from callsheet.completions import files
from callsheet.completions.rows import completion_rows
from callsheet.disk.names import file_name
from callsheet.errors import CallsheetError, first_line
from callsheet.outbox import Outbox
from callsheet.outbox.predictions import Predictions
from callsheet.outbox.supervisor.announcing import Results
from callsheet.outbox.supervisor.supervisor import Supervisor
from callsheet.records import EvalResult, LogContext, LoopState
from callsheet.rundir import rundir
from callsheet.rundir.rundir import RunDir, now
from callsheet.session.scores import converted, whole
from callsheet.values import without_secrets

if TYPE_CHECKING:
    from callsheet.outbox.settings import OutboxSettings
    from callsheet.plugins.lineup import Lineup

logger = logging.getLogger("callsheet")

PREDICTIONS = "predictions"


class Announcer:
    """Announces results to the plugins of one run, which may be training or long dead."""

    def __init__(self, run_dir: RunDir, ctx: LogContext, lineup: Lineup) -> None:
        self.run_dir, self.ctx, self.lineup = run_dir, ctx, lineup
        self._known: set[str] | None = None  # what entries of the outbox brought; None until one does

    def score(
        self,
        result: EvalResult,
        predictions: Sequence[Mapping[str, Any]] = (),
        step: int | None = None,
        *,
        entry: str = "",
    ) -> EvalResult:
        """Write a score and its predictions to disk, then call `on_benchmark_eval`; returns it in numbers.

        `entry` is the outbox entry that brought it: however often that is announced, it makes one row. What is no
        number is left out, and reported under the name of the plugin that is being called.
        """
        result, odd = converted(result)
        step = result.step if step is None else whole(step, odd)
        rows = (
            predictions if isinstance(predictions, Predictions) else [without_secrets(row) for row in predictions or ()]
        )
        if self.run_dir.is_main:
            kept = self._keep(rows, file_name(result.name, result.tags.get("weights"), step)) if rows else None
            self._add({**_row(result, step), "predictions": kept}, entry)
        self.lineup.refuse(f"the score {result.name!r}", odd)
        self.lineup.hooks.on_benchmark_eval(ctx=self.ctx, eval_result=result, predictions=rows, step=step)
        return result

    def score_in_loop(
        self, state: LoopState, result: EvalResult, predictions: Sequence[Mapping[str, Any]], step: int | None
    ) -> None:
        """Do the same for a score of the model in the loop; it is also an evaluation, so call `on_eval` too."""
        result = self.score(result, predictions, step)
        metrics = dict(result.metrics)
        self.lineup.hooks.on_eval(state=state, step_idx=state.step, eval_name=result.name, metrics=metrics)

    def completions(self, rows: Sequence[Mapping[str, Any]], step: int) -> None:
        """Write completions of the model in the loop to `completions/<step>.jsonl`, then call `on_completions`.

        What is no completion, or no number where one belongs, is left out and reported as in `score`. A disk that does
        not take them costs the file, not the run.
        """
        kept, odd = completion_rows(rows, step)
        if kept and self.run_dir.is_main:
            self._keep_completions(kept)
        self.lineup.refuse("state.report_completions", odd)
        if kept:
            self.lineup.hooks.on_completions(ctx=self.ctx, rows=kept, step=kept[0]["step"])

    def _keep_completions(self, rows: list[dict[str, Any]]) -> None:
        step = rows[0]["step"]
        try:
            files.keep(self.run_dir, step, rows)
        except (OSError, CallsheetError) as error:
            said = first_line(error)
            self.run_dir.event("completions_lost", step=step, rows=len(rows), error=said)
            logger.warning("The completions of step %d are not kept: %s The run goes on.", step, said)

    def supervise(self, settings: OutboxSettings, *, is_run: bool = True) -> Supervisor:
        """Make the supervisor of the outbox and set `ctx.outbox`; the caller must hold the run directory's lock."""
        results = Results(self.run_dir, self.ctx, self.lineup.hooks, self.score, is_run=is_run)
        supervisor = Supervisor(self.run_dir, settings, results)
        self.ctx.outbox = Outbox(self.run_dir.path, supervisor.was_put)
        return supervisor

    def _add(self, row: dict[str, Any], entry: str) -> None:
        """Add a row to `evals.jsonl`, unless `entry` brought it before, and the announcement failed after that."""
        if entry:
            if self._known is None:
                rows = self.run_dir.rows(rundir.EVALS, holding='"entry"')
                self._known = {_of_entry(row, row["entry"]) for row in rows if "entry" in row}
            row["entry"] = entry
            if _of_entry(row, entry) in self._known:
                return
        self.run_dir.append(rundir.EVALS, row, durable=True)
        if self._known is not None:
            self._known.add(_of_entry(row, entry))

    def _keep(self, predictions: list[Any], name: str) -> str:
        """Write `predictions`, which are plain, into a file, and return its path in the run directory."""
        self.run_dir.inside.make(PREDICTIONS)
        path = f"{PREDICTIONS}/{name}.jsonl"
        if isinstance(predictions, Predictions):
            predictions.keep(self.run_dir.path / path)
        else:
            self.run_dir.write_text(path, "".join(f"{json.dumps(row, allow_nan=False)}\n" for row in predictions))
        return path


def _of_entry(row: Mapping[str, Any], entry: str) -> str:
    """What tells one row of an entry from another, in few bytes: there may be hundreds of thousands."""
    told = json.dumps([entry, row.get("name"), row.get("step"), row.get("tags")], default=str)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _row(result: EvalResult, step: int | None) -> dict[str, Any]:
    """A row of evals.jsonl. What was scored twice has two rows with one key, of which the last counts."""
    key = {
        "benchmark_id": result.benchmark_id or result.name,
        "weights": result.tags.get("weights") or "raw",
        "commit": result.commit,
        "step": step,
    }
    joined = ":".join("" if part is None else str(part) for part in key.values())
    return {"time": now(), "key": joined, **asdict(result), **key}
