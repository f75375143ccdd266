"""Settings of `weave`, and what is checked before a run begins."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from callsheet import hookimpl, setting
from callsheet.distributed.once import Once
from callsheet.distributed.world import world
from callsheet.errors import first_line
from callsheet.tracking import Sink, TrackedRun, Tracker
from callsheet_plugins.trackers.weave import project, scoring

if TYPE_CHECKING:
    from callsheet.generation.sampling import Sampling
    from callsheet.records import ArmResult, EvalResult, LogContext, LoopState, Revision, RunResult

logger = logging.getLogger("callsheet")

GENERATION = "plugins.weave.generation_config"


class Weave(Tracker):
    """Log completions to W&B Weave: as traces, or as evaluations where there are `scorers`.

    Without `scorers`, each completion is a traced call, with its prompt, step, rewards and scores. With them, each
    sampled step is an evaluation with a summary, and a scorer that fails is counted, named, and ends nothing. The
    completions are those of the plugin `completions`, and its rollouts. Without that plugin, weave samples by itself at
    each evaluation, or once at the end; the training does not notice.
    """

    ranks = "all"  # which sampling needs
    cannot_serve: ClassVar[Mapping[str, str]] = {"reward": "A reward model gives no text."}
    modules: ClassVar[tuple[str, ...]] = ("weave",)
    extra: ClassVar[str] = "weave"

    project_name: str | None = setting(
        None,
        help="'project' or 'entity/project'; by default that of the Weave client of the process, else of the W&B run.",
    )
    scorers: list[str] = setting([], help="Functions as pkg.module.function, called with a prompt and a completion.")
    num_prompts: int | None = setting(
        8, ge=1, le=10_000, help="Prompts of each evaluation set that weave samples itself; null takes all."
    )
    generation_config: Any = setting(
        None, help="How weave generates itself: as for the plugin completions, a mapping, a folder, a Hub id, or model."
    )
    dataset_name: str = setting("eval_dataset", help="What evaluations call the data set.")
    model_name: str | None = setting(None, help="What evaluations call the model; by default the name in the recipe.")

    def __post_init__(self) -> None:
        super().__post_init__()
        self._sampling: Sampling | None = None
        self._once = Once("weave: ")

    def problems(self, ctx: LogContext) -> Iterator[str]:
        """What `callsheet check` says: the project, the credentials, and the scorers."""
        from callsheet.generation import settings  # which composing does without

        yield from scoring.problems(self.scorers)
        yield from settings.problems(self.generation_config, GENERATION)
        named = project.of(self.project_name, ctx.run_config)
        if named is None:
            yield (
                "plugins.weave needs a project. Set plugins.weave.project_name=PROJECT, or WANDB_PROJECT, or "
                "plugins.wandb.project; no Weave client and no W&B run is active."
            )
        elif said := project.problem(named):
            yield f"plugins.weave.project_name={named} {said}"
        if not re.search(r"[^\W_]", self.dataset_name):
            yield f"plugins.weave.dataset_name={self.dataset_name!r} needs a letter or a digit."
        if not project.has_key():
            yield f"plugins.weave needs credentials: set {project.KEY}, or type `wandb login`."

    @hookimpl
    def on_run_start(self, ctx: LogContext) -> None:
        self.project_name = project.of(self.project_name, ctx.run_config)  # which the follower's process cannot ask
        self._on_main(super().on_run_start, ctx)

    @hookimpl
    def on_trainer_ready(self, state: LoopState) -> None:
        from callsheet.generation.sampling import Sampling

        super().on_trainer_ready(state)
        if "completions" in (state.ctx.run_config.get("plugins") or {}):
            return
        say = self._once.warn
        self._sampling = Sampling(state, self.generation_config, GENERATION, num_prompts=self.num_prompts, say=say)
        if self._sampling.why_not:
            self._once.warn(f"it samples nothing: {self._sampling.why_not}.")

    @hookimpl
    def on_eval(self, state: LoopState, step_idx: int, eval_name: str, metrics: Mapping[str, float]) -> None:
        if self._sampling and any(name.startswith("eval_") for name in metrics):  # else a plugin reported a score
            self._sample(state, eval_name)

    @hookimpl
    def on_train_end(self, state: LoopState, artifacts: dict[str, Path]) -> None:
        if self._sampling and (state.args is None or state.args.eval_strategy == "no"):
            self._sample(state)

    def _sample(self, state: LoopState, name: str | None = None) -> None:
        """Report what the model says to the prompts of one set, or of all of them."""
        assert self._sampling is not None, "on_trainer_ready makes it"
        names = [each for each in self._sampling.sets(state) if name in (None, each)]
        for rows in self._sampling.sample(state, names):
            state.report_completions([{key: row[key] for key in row if key != "text"} for row in rows])

    @hookimpl
    def on_revision(self, ctx: LogContext, revision: Revision) -> None:
        self._on_main(super().on_revision, ctx, revision)

    @hookimpl
    def on_benchmark_eval(
        self, ctx: LogContext, eval_result: EvalResult, predictions: Sequence[Mapping[str, Any]], *, step: int | None
    ) -> None:
        self._on_main(super().on_benchmark_eval, ctx, eval_result, predictions, step=step)

    @hookimpl
    def on_run_end(self, ctx: LogContext, run_result: RunResult, arm: ArmResult) -> None:
        self._on_main(super().on_run_end, ctx, run_result, arm)

    def _on_main(self, hook: Callable[..., None], *about: Any, **named: Any) -> None:
        """Call a hook of the base on rank 0. A failure costs what Weave would have shown, and not the run."""
        if world().is_main:
            try:
                hook(*about, **named)
            except Exception as error:
                logger.warning("weave logs nothing of this: %s", first_line(error))

    def open(self, run: TrackedRun) -> Sink:
        from callsheet_plugins.trackers.weave.sink import WeaveSink

        return WeaveSink(self, run)
