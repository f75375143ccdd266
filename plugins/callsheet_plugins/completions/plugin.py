"""Sample the model in the loop on prompts of the evaluation set, and keep rollouts, with rewards and scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from callsheet import LogContext, LoopState, Plugin, PreflightReport, hookimpl, setting
from callsheet.distributed.once import Once
from callsheet.errors import counted, sentences
from callsheet.hooks import plugin_name
from callsheet_plugins.completions.rollouts import Gathered, generates, serves

if TYPE_CHECKING:
    from callsheet.generation.sampling import Sampling
    from callsheet.records import Rollouts
    from callsheet.rewards.scorers import Scorers


class Completions(Plugin):
    """Write what the model says to prompts of the evaluation set into `completions/STEP.jsonl`, and announce it.

    Samples at every evaluation, or with `freq` at every so many steps; a run that does neither samples once, at its
    end. A prompt is a row's prompt, its conversation up to the last answer, what a chosen and a rejected answer share,
    or the first half of a text. Of GRPO and RLOO, it keeps rollouts with their rewards and advantages, and generates
    nothing itself unless `sample` says so. The training goes on as if nothing had been sampled: dropout is off
    meanwhile, and random numbers are the plugin's own. All ranks share the prompts. A failure costs the completions of
    that step, not the run. Other plugins get the rows by `on_completions`.
    """

    ranks = "all"
    cannot_serve: ClassVar[Mapping[str, str]] = {"reward": "A reward model gives no text."}

    freq: int | None = setting(None, ge=1, help="Sample at every this many steps; left out, at every evaluation.")
    num_prompts: int | None = setting(
        8, ge=1, le=10_000, help="Prompts of each evaluation set; null takes all, of a stream the first 1,000."
    )
    generation_config: Any = setting(
        None,
        help="How to generate: a mapping such as {max_new_tokens: 64, do_sample: true}, a folder or Hub id with a "
        "generation_config.json, or model for the model's own. Left out, greedy and 64 tokens.",
    )
    prompts: str = setting("fixed", choices=("fixed", "fresh"), help="The first prompts each time, or others.")
    sample: bool | None = setting(
        None, help="Generate for the evaluation set; left out, unless the trainer does so itself, as GRPO and RLOO do."
    )
    num_rollouts: int | None = setting(
        16, ge=0, help="Rollouts to keep of a step; 0 keeps none, null all. Kept every freq or logging_steps steps."
    )
    scorers: list[str] = setting(
        [], help="Functions scorer(prompt, completion) -> float | int, as pkg.module.function."
    )
    scorer_seconds: float = setting(60.0, gt=0, le=3600, help="Seconds that a scorer may take for a step, all in all.")
    batch_size: int | None = setting(
        None, ge=1, help="Prompts generated at a time, on each rank; left out, per_device_eval_batch_size."
    )
    sampling_seed: int = setting(0, ge=0, help="Draws tokens, and fresh prompts.")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._sampling: Sampling | None = None
        self._scorers: Scorers | None = None
        self._once = Once()
        self._kept, self._steps, self._failed = 0, set[int](), set[int]()
        self._training, self._evaluation = Gathered(), Gathered()

    def reports(self) -> list[str]:
        return []

    @hookimpl
    def preflight(self, ctx: LogContext, report: PreflightReport) -> None:
        from callsheet_plugins.completions.checks import check

        check(self, plugin_name(self), ctx.run_config, report)

    @hookimpl
    def on_trainer_ready(self, state: LoopState) -> None:
        from callsheet.generation.sampling import Sampling
        from callsheet.rewards.scorers import Scorers

        place = f"plugins.{plugin_name(self)}"
        self._scorers = Scorers.load(self.scorers, f"{place}.scorers", self.scorer_seconds)
        sampling = Sampling(
            state,
            self.generation_config,
            f"{place}.generation_config",
            num_prompts=self.num_prompts,
            batch_size=self.batch_size,
            seed=self.sampling_seed,
            is_fresh=self.prompts == "fresh",
            say=partial(self._say_sampling, state),
        )
        if generates(state) if self.sample is None else not self.sample:
            return
        if sampling.why_not:
            self._once.warn(f"Completions are not sampled: {sampling.why_not}.")
            return
        self._sampling = sampling

    @hookimpl
    def on_train_start(self, state: LoopState) -> None:
        self._training, self._evaluation = Gathered(), Gathered()
        if self._sampling:
            self._sampling.begin()
            if not self._sampling.sets(state):
                self._once.warn("Completions are not sampled: the trainer has no evaluation set.")

    @hookimpl
    def on_step_end(
        self, state: LoopState, step_idx: int, batch: Sequence[Mapping[str, Any]], metrics: Mapping[str, float]
    ) -> None:
        self._keep(state, self._training.all_ranks(self.num_rollouts), "rollouts")
        if self.freq and step_idx % self.freq == 0:
            self._sample(state)

    @hookimpl
    def on_rollouts(self, state: LoopState, step_idx: int, rollouts: Rollouts) -> None:
        if rollouts.split == "train":
            if serves(state, step_idx, self.freq) and self.num_rollouts != 0:
                self._training.add(rollouts, self.num_rollouts)
        elif not self._sampling and self.num_rollouts != 0:
            self._evaluation.add(rollouts, self.num_rollouts)

    @hookimpl
    def on_eval(self, state: LoopState, step_idx: int, eval_name: str, metrics: Mapping[str, float]) -> None:
        if not any(name.startswith("eval_") for name in metrics):
            return  # a score that a plugin reports
        self._keep(state, self._evaluation.all_ranks(self.num_rollouts), eval_name)
        if self.freq is None:
            self._sample(state, eval_name)

    @hookimpl
    def on_train_end(self, state: LoopState, artifacts: dict[str, Path]) -> None:
        evaluates = state.args is not None and state.args.eval_strategy != "no"
        if (not evaluates and self.freq is None) or (self.freq or 0) > state.max_steps:
            self._sample(state)

    def _sample(self, state: LoopState, name: str | None = None) -> None:
        """Report what the model says to the prompts of one set, or of all of them."""
        if self._sampling:
            names = [each for each in self._sampling.sets(state) if name in (None, each)]
            for rows in self._sampling.sample(state, names):
                self._report(state, rows)

    def _say_sampling(self, state: LoopState, sentence: str, about: str) -> None:
        self._once.warn(sentence, about)
        if about:
            self._failed.add(state.step)
            self._remark(state)

    def _keep(self, state: LoopState, rows: list[dict[str, Any]], source: str) -> None:
        from callsheet.generation.sampler import whole_text

        for index, row in enumerate(rows):
            row |= {"source": source, "index": index, "text": whole_text(state, row) if self.scorers else ""}
        self._report(state, rows)

    def _report(self, state: LoopState, rows: list[dict[str, Any]]) -> None:
        """Report the rows, with the scores that rank 0 gives them, on every rank."""
        from callsheet.distributed.collectives import broadcast

        if not rows:
            return
        texts = [str(row.pop("text")) for row in rows]
        if self.scorers:
            for row, scores in zip(rows, broadcast(lambda: self._scores(texts, rows)), strict=True):
                row["scores"] = scores
        self._kept, self._steps = self._kept + len(rows), {*self._steps, state.step}
        self._remark(state)
        state.report_completions(rows)

    def _scores(self, prompts: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[dict[str, float | None]]:
        from callsheet.completions.rows import text_of
        from callsheet.generation.drawing import undisturbed

        assert self._scorers is not None, "on_trainer_ready loads them"
        answers = [text_of(row["completion"]) for row in rows]
        with undisturbed():
            return self._scorers.score([*zip(prompts, answers, strict=True)])

    def _remark(self, state: LoopState) -> None:
        failed = self._scorers.said() if self._scorers is not None else ""
        lost = f", and could not sample at {counted(len(self._failed), 'step')}" if self._failed else ""
        told = f"wrote {counted(self._kept, 'completion')} of {counted(len(self._steps), 'step')}{lost}"
        state.ctx.remarks[plugin_name(self)] = sentences(told, failed) if failed else f"{told}."
        if failed:
            self._once.warn(failed, about=failed.partition(" failed")[0])
