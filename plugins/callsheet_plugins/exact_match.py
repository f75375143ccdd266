"""Score the model on a small file of prompts and answers, before and after training."""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet import CallsheetError, EvalResult, LogContext, LoopState, Plugin, Report, hookimpl, setting
from callsheet.data.contents import look

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Row = dict[str, Any]


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
        rows, start = self._rows(), time.perf_counter()
        answers = _answers(model, state.tokenizer, rows, self.batch_size, self.max_new_tokens)
        right = [answer.strip() == row["completion"].strip() for answer, row in zip(answers, rows, strict=True)]
        result = EvalResult(
            name=Path(self.path).stem,
            metrics={"exact_match": sum(right) / len(right)},
            benchmark_id="exact_match",
            tags={"weights": weights},
            step=state.step,
            eval_seconds=time.perf_counter() - start,
        )
        predictions = [
            {**row, "answer": answer, "right": hit} for row, answer, hit in zip(rows, answers, right, strict=True)
        ]
        state.report_eval(result, predictions)

    def _rows(self) -> list[Row]:
        with Path(self.path).expanduser().open(encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.strip()][: self.limit]


def _answers(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, rows: list[Row], batch_size: int, max_new_tokens: int
) -> list[str]:
    """Greedy continuations of every prompt, without special tokens; the model's mode is left as it was."""
    import torch

    answers: list[str] = []
    with torch.inference_mode(), _evaluating(model):
        for start in range(0, len(rows), batch_size):
            prompts = [row["prompt"] for row in rows[start : start + batch_size]]
            batch: Any = tokenizer(
                prompts, return_tensors="pt", padding=True, padding_side="left", return_token_type_ids=False
            ).to(model.device)
            generate: Any = model.generate
            out = generate(**batch, max_new_tokens=max_new_tokens, do_sample=False, use_cache=True)
            answers += tokenizer.batch_decode(out[:, batch["input_ids"].shape[1] :], skip_special_tokens=True)
    return answers


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


def _load(folder: Path, like: Any) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=like.dtype).to(like.device)
