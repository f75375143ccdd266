"""The plugin: which moments put which jobs into the outbox."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from callsheet import hookimpl
from callsheet.model_files.adapters import base_folder
from callsheet_plugins.benchmarks import sources
from callsheet_plugins.benchmarks.settings import BenchmarkSettings

if TYPE_CHECKING:
    from callsheet.records import LogContext, LoopState, ManifestRow, PreflightReport, Revision


class Benchmarks(BenchmarkSettings):
    """Score every published checkpoint, beside the training or on a cluster, and bring the scores home.

    Where a plugin publishes, each revision is scored at its commit, and what could not be published is not scored;
    where none does, each checkpoint, from a snapshot that rotation cannot take away, and at the end the model folders
    of other plugins. A score comes back as `on_benchmark_eval`, lands in `evals.jsonl`, its answers in `predictions/`.

    `define.NAME` makes a benchmark of your own, or changes one that is known: math_500, aime24, aime25, gpqa, lcb,
    lcb_v4 and `all` of these by lighteval, gsm8k, mmlu, ifeval and others by lm_eval.
    """

    # Hooks import what they need, because a composition imports this file and calls none.

    @hookimpl
    def preflight(self, ctx: LogContext, report: PreflightReport) -> None:
        from callsheet_plugins.benchmarks import checks

        checks.check(self, ctx, report)

    @hookimpl
    def on_checkpoint_complete(self, ctx: LogContext, row: ManifestRow) -> None:
        if not self.scores_revisions(ctx):
            for source in sources.of_checkpoint(row):
                self._put(ctx, source)

    @hookimpl(trylast=True)
    def on_train_end(self, state: LoopState, artifacts: dict[str, Path]) -> None:
        if not self.scores_revisions(state.ctx):
            for name, folder in artifacts.items():
                self._put(state.ctx, sources.of_folder(folder, f"{name}-{state.step}", step=state.step, weights=name))

    @hookimpl
    def on_revision(self, ctx: LogContext, revision: Revision) -> None:
        from callsheet_plugins.benchmarks.checks import is_known_already

        if self.scores_revisions(ctx) and not is_known_already(ctx, revision):
            if source := sources.of_revision(revision, ctx.run_dir, base_folder(ctx.run_config, ctx.run_dir)):
                self._put(ctx, source)
            else:
                raise LookupError(f"{revision.path} no longer holds commit {revision.commit}; it is not scored")

    def reports(self) -> list[str]:
        return [*self.chosen]

    def _put(self, ctx: LogContext, source: sources.Source) -> None:
        from callsheet_plugins.benchmarks import jobs

        jobs.put(ctx, source, self.complete(ctx.run_config), self.running())
