"""Settings of `weave`, and what is checked before a run begins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from callsheet import hookimpl, setting
from callsheet.tracking import Sink, TrackedRun, Tracker
from callsheet_plugins.trackers.weave import project, scoring

if TYPE_CHECKING:
    from callsheet.records import LogContext


class Weave(Tracker):
    """Log completions to W&B Weave: as traces, or as evaluations where there are `scorers`.

    Without `scorers`, each completion is a traced call, with its prompt, step, rewards and scores. With them, each
    sampled step is an evaluation with a summary, and a scorer that fails is counted, named, and ends nothing. The
    completions are those of the plugin `completions`.
    """

    modules: ClassVar[tuple[str, ...]] = ("weave",)
    extra: ClassVar[str] = "weave"

    project_name: str | None = setting(
        None,
        help="'project' or 'entity/project'; by default that of the Weave client of the process, else of the W&B run.",
    )
    scorers: list[str] = setting([], help="Functions as pkg.module.function, called with a prompt and a completion.")
    dataset_name: str = setting("eval_dataset", help="What evaluations call the data set.")
    model_name: str | None = setting(None, help="What evaluations call the model; by default the name in the recipe.")

    def problems(self, ctx: LogContext) -> Iterator[str]:
        """What `callsheet check` says: the project, the credentials, and the scorers."""
        yield from scoring.problems(self.scorers)
        named = project.of(self.project_name, ctx.run_config)
        if named is None:
            yield (
                "plugins.weave needs a project. Set plugins.weave.project_name=PROJECT, or WANDB_PROJECT, or "
                "plugins.wandb.project; no Weave client and no W&B run is active."
            )
        elif said := project.problem(named):
            yield f"plugins.weave.project_name={named} {said}"
        if not project.has_key():
            yield f"plugins.weave needs credentials: set {project.KEY}, or type `wandb login`."

    @hookimpl(tryfirst=True)
    def on_run_start(self, ctx: LogContext) -> None:
        self.project_name = project.of(self.project_name, ctx.run_config)  # which the follower's process cannot ask
        super().on_run_start(ctx)

    def open(self, run: TrackedRun) -> Sink:
        from callsheet_plugins.trackers.weave.sink import WeaveSink

        return WeaveSink(self, run)
