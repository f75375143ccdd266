"""Score the model in the loop on a small file of prompts and answers, before, during and after training."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet import CallsheetError, EvalResult, LogContext, LoopState, Plugin, PreflightReport, hookimpl, setting
from callsheet.data.contents import look
from callsheet.distributed.collectives import all_gather, broadcast
from callsheet.generation import generate

if TYPE_CHECKING:
    from collections.abc import Callable

Rows = list[dict[str, Any]]


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
            self._score(state, _load(folder, state.model), name)

    def _score(self, state: LoopState, model: Any, weights: str) -> None:
        if state.tokenizer is None:
            raise ValueError("exact_match needs a tokenizer, and the trainer has none")
        rows, start = generate.read_rows(self.path, self.limit), time.perf_counter()
        predictions = generate.judged(rows, self._answers(state, model, rows))
        result = EvalResult(
            name=Path(self.path).stem,
            metrics={"exact_match": generate.share_right(predictions)},
            benchmark_id="exact_match",
            tags={"weights": weights},
            step=state.step,
            eval_seconds=time.perf_counter() - start,
        )
        state.report_eval(result, predictions)

    def _answers(self, state: LoopState, model: Any, rows: Rows) -> list[str]:
        """Each rank answers its share; every rank gets all answers, in the order of the rows."""
        mine = _share_of(rows, state.rank, state.world_size)
        with _ready(state, model) as ready:
            found = generate.answers(
                ready, state.tokenizer, mine, self.batch_size, max_new_tokens=self.max_new_tokens, **_in_step(ready)
            )
        by_rank = all_gather(found)
        return [by_rank[number % state.world_size][number // state.world_size] for number in range(len(rows))]


def _share_of(rows: Rows, rank: int, world_size: int) -> Rows:
    """Every so many rows; of the same number on each rank, since all must generate as often as the others."""
    rounds = -(-len(rows) // world_size)
    return [rows[(rank + number * world_size) % len(rows)] for number in range(rounds)]


def _in_step(model: Any) -> dict[str, Any]:
    """FSDP2 gathers at every token, so whoever is done goes on until all are."""
    return {"synced_gpus": any(hasattr(parameter, "to_local") for parameter in model.parameters())}


@contextmanager
def _ready(state: LoopState, model: Any) -> Iterator[Any]:
    """`model` for generation: ZeRO-3 gathers it whole on each rank, as its hooks count on a backward pass."""
    if any(hasattr(parameter, "ds_id") for parameter in model.parameters()):
        from trl.models.utils import unwrap_model_for_generation

        assert state.trainer is not None
        with unwrap_model_for_generation(state.trainer.model_wrapped, state.accelerator) as whole:
            yield whole
        return
    yield model
    for module in model.modules():  # FSDP2 leaves the root's weights whole, where other plugins look for shards
        reshard: Callable[[], None] | None = getattr(module, "reshard", None)
        if reshard and hasattr(module, "unshard"):
            reshard()


def _load(folder: Path, like: Any) -> Any:
    """A whole model on each rank, whatever the engine would make of one that is loaded now."""
    from transformers import AutoModelForCausalLM

    with _away_from_engines():
        return AutoModelForCausalLM.from_pretrained(folder, dtype=like.dtype).to(like.device)


@contextmanager
def _away_from_engines() -> Iterator[None]:
    """Without it, `from_pretrained` would spread weights for ZeRO-3, or under FSDP load them on rank 0 only."""
    from transformers.integrations import deepspeed

    config = deepspeed._hf_deepspeed_config_weak_ref
    before = os.environ.pop("FSDP_CPU_RAM_EFFICIENT_LOADING", None)
    deepspeed.unset_hf_deepspeed_config()
    try:
        yield
    finally:
        deepspeed._hf_deepspeed_config_weak_ref = config
        if before is not None:
            os.environ["FSDP_CPU_RAM_EFFICIENT_LOADING"] = before
