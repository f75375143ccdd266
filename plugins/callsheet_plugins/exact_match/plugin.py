"""Score the model in the loop on a small file of prompts and answers, before, during and after training."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from callsheet import CallsheetError, EvalResult, LogContext, LoopState, Plugin, PreflightReport, hookimpl, setting
from callsheet.distributed.collectives import broadcast
from callsheet.generation import generate, under_engines


class ExactMatch(Plugin):
    """Answer every prompt of a JSONL file by greedy generation, and count the answers that equal the completion.

    Scores the live model before the first step, after the last one and, with `every_steps`, in between; at the end
    also every model folder that other plugins left behind, such as averaged weights. Scores go to `evals.jsonl`,
    answers to `predictions/`; they are announced as `on_benchmark_eval` and `on_eval`. Training waits while it
    generates, so keep the file small; `benchmarks` scores beside the training. Several ranks share the rows. Under
    FSDP2 they generate in step; under ZeRO-3 each holds the whole model meanwhile.
    """

    ranks = "all"

    path: str = setting(help="JSONL file with a prompt and a completion in each row.")
    limit: int | None = setting(None, ge=1, help="Use only so many rows from its start.")
    max_new_tokens: int = setting(32, ge=1, help="Tokens to generate at most.")
    batch_size: int = setting(64, ge=1, help="Prompts generated at a time, on each rank.")
    every_steps: int = setting(0, ge=0, help="Also score every this many steps; 0 does not.")

    @hookimpl
    def preflight(self, ctx: LogContext, report: PreflightReport) -> None:
        from callsheet.data.contents import look  # whose package composition does without

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
        for name, folder in broadcast(lambda: dict(artifacts)).items():  # rank 0 alone may know of them
            self._score(state, under_engines.load(state, folder), name)

    def reports(self) -> dict[str, list[str]]:
        return {self._benchmark: ["exact_match"]}

    @property
    def _benchmark(self) -> str:
        return Path(self.path).stem

    def _score(self, state: LoopState, model: Any, weights: str) -> None:
        if state.tokenizer is None:
            raise ValueError("exact_match needs a tokenizer, and the trainer has none")
        rows, start = generate.read_rows(self.path, self.limit), time.perf_counter()
        found = under_engines.answers(state, model, rows, self.batch_size, max_new_tokens=self.max_new_tokens)
        predictions = generate.judged(rows, found)
        name = self._benchmark
        result = EvalResult(
            name=name,
            metrics={"exact_match": generate.share_right(predictions)},
            benchmark_id=f"exact_match/{name}",  # a benchmark of this name may score the same step
            tags={"weights": weights},
            step=state.step,
            eval_seconds=time.perf_counter() - start,
        )
        state.report_eval(result, predictions)
