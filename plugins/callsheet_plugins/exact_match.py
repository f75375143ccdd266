"""Score the model on a small file of prompts and answers, before and after training."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet import CallsheetError, EvalResult, LogContext, LoopState, Plugin, Report, hookimpl, setting
from callsheet.data.contents import look
from callsheet_plugins import generation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class ExactMatch(Plugin):
    """Answer every prompt of a JSONL file by greedy generation, and count the answers that equal the completion.

    Scores the live model before the first step, after the last one and, with `every_steps`, in between; at the end
    also every model folder that other plugins left behind, such as averaged weights. Scores go to `evals.jsonl`,
    answers to `predictions/`. One process only; training waits while it generates, so keep the file small.
    """

    path: str = setting(help="JSONL file with a prompt and a completion in each row.")
    limit: int | None = setting(None, ge=1, help="Use only so many rows from its start.")
    max_new_tokens: int = setting(32, ge=1, help="Tokens to generate at most.")
    batch_size: int = setting(64, ge=1, help="Prompts generated at a time.")
    every_steps: int = setting(0, ge=0, help="Also score every this many steps; 0 does not.")

    @hookimpl
    def preflight(self, ctx: LogContext, report: Report) -> None:
        if int(os.environ.get("WORLD_SIZE", 1)) > 1:
            report.problem("Plugin 'exact_match' generates on one process only; this job has several.")
        try:
            columns = look(self.path).columns or []
        except CallsheetError as error:
            report.problem(f"plugins.exact_match.path={self.path}: {error}")
        else:
            if missing := sorted({"prompt", "completion"} - {*columns}):
                named, has = " and no ".join(missing), ", ".join(columns)
                report.problem(f"plugins.exact_match.path={self.path}: rows have no {named}; they have {has}.")

    @hookimpl
    def on_train_start(self, state: LoopState) -> None:
        if state.resumed_from is None:
            self._score(state, state.model, "raw")

    @hookimpl
    def on_step_end(
        self, state: LoopState, step_idx: int, batch: Sequence[Mapping[str, Any]], metrics: Mapping[str, float]
    ) -> None:
        if self.every_steps and step_idx % self.every_steps == 0 and step_idx < state.max_steps:
            self._score(state, state.model, "raw")

    @hookimpl(trylast=True)
    def on_train_end(self, state: LoopState, artifacts: dict[str, Path]) -> None:
        self._score(state, state.model, "raw")
        for name, folder in artifacts.items():
            self._score(state, _load(folder, state.model), name)

    def _score(self, state: LoopState, model: Any, weights: str) -> None:
        if state.tokenizer is None:
            raise ValueError("exact_match needs a tokenizer, and the trainer has none")
        rows, start = generation.read_rows(self.path, self.limit), time.perf_counter()
        answers = generation.answers(model, state.tokenizer, rows, self.batch_size, max_new_tokens=self.max_new_tokens)
        predictions = generation.judged(rows, answers)
        result = EvalResult(
            name=Path(self.path).stem,
            metrics={"exact_match": generation.share_right(predictions)},
            benchmark_id="exact_match",
            tags={"weights": weights},
            step=state.step,
            eval_seconds=time.perf_counter() - start,
        )
        state.report_eval(result, predictions)


def _load(folder: Path, like: Any) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=like.dtype).to(like.device)
