"""The plugin: it decides what to publish, when, and under which name."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet import hookimpl
from callsheet.model_files.adapters import CONFIG as ADAPTER
from callsheet.values import numbers
from callsheet_plugins.hub_revisions import contents, naming, scores
from callsheet_plugins.hub_revisions.card import card
from callsheet_plugins.hub_revisions.local_names import base_in, is_local, local_names
from callsheet_plugins.hub_revisions.settings import RevisionSettings

if TYPE_CHECKING:
    from callsheet.records import EvalResult, LogContext, LoopState, ManifestRow, PreflightReport, Revision

logger = logging.getLogger("callsheet")

KIND, PRUNE = "hub_revisions", "hub_prune"
CONFIG = "config.json"


class HubRevisions(RevisionSettings):
    """Publish every checkpoint as a revision, on a branch such as main-step-000001000; training does not wait.

    A revision holds the files that loading a model needs, and a model card of its step; never the optimizer, RNG state
    or training_args.bin, and no path of this machine. An upload is tried until it works and verified file by file; then
    `on_revision` announces it. `hub=folder` publishes to a local folder, `hub=huggingface` to the Hub, which needs a
    token in HF_TOKEN. With `finish.push=true` the final model goes to the branch `revision`.
    """

    announces_revisions = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self._metrics: dict[str, float] = {}
        self._at_save: dict[str, dict[str, float]] = {}
        self._seen: tuple[int, float] = (0, 0.0)

    def reports(self) -> list[str]:
        return []

    @hookimpl
    def preflight(self, ctx: LogContext, report: PreflightReport) -> None:
        from callsheet_plugins.hub_revisions import checks

        checks.check_settings(self, ctx, report)
        (checks.check_hub if self.hub == "huggingface" else checks.check_folder)(self, ctx, report)

    @hookimpl
    def on_eval(self, state: LoopState, step_idx: int, eval_name: str, metrics: Mapping[str, float]) -> None:
        if self._metrics.get("step") != step_idx:  # several data sets, or averaged weights too, at one step
            self._metrics = {"step": step_idx}
        self._metrics |= numbers(metrics)[0]

    @hookimpl
    def on_checkpoint(self, state: LoopState, row: ManifestRow) -> None:
        self._at_save[row.name] = dict(self._metrics)  # it may be complete only after later evaluations

    @hookimpl
    def on_checkpoint_complete(self, ctx: LogContext, row: ManifestRow) -> None:
        self._seen = (row.step, row.epoch)
        metrics = self._at_save.pop(row.name, {})
        branch = naming.branch_of(self.revision, row.step)
        self._put(ctx, branch, row.path, metrics, checkpoint=row.name)
        for name in self.artifacts:
            if (row.path / name / CONFIG).is_file() or (row.path / name / ADAPTER).is_file():
                branch = self._branch(name, row.step)
                self._put(ctx, branch, row.path / name, metrics, checkpoint=row.name, weights=name)

    @hookimpl(trylast=True)
    def on_train_end(self, state: LoopState, artifacts: dict[str, Path]) -> None:
        self._seen = (state.step, state.epoch)
        for name in self.artifacts:
            if name in artifacts:
                self._put(state.ctx, self._branch(name, state.step), artifacts[name], self._metrics, weights=name)
            else:
                logger.warning("hub_revisions has no %s to publish: no plugin left a model folder of that name.", name)

    def publish(self, state: LoopState, folder: Path) -> None:
        self._seen = (state.step, state.epoch)
        self._put(state.ctx, self.revision, folder, self._metrics, final=True)

    def _branch(self, artifact: str, step: int) -> str:
        return naming.branch_of(f"{self.revision}-{artifact}", step)

    def _put(
        self,
        ctx: LogContext,
        branch: str,
        folder: Path,
        known: Mapping[str, float],
        *,
        checkpoint: str = "",
        weights: str = "raw",
        final: bool = False,
    ) -> None:
        step, _ = self._seen
        repo = self.repo or ctx.experiment or "model"
        metrics = {name: value for name, value in known.items() if name != "step"}
        if known.get("step") != step:
            metrics = {}  # they belong to an earlier step
        where = {"hub": self.hub, "repo": repo, "branch": branch}
        payload: dict[str, Any] = {
            **where,
            **{"step": step, "checkpoint": checkpoint, "weights": weights, "final": final},
            "folder": self._folder(),
            "private": self.private,
            "overwrite": self.overwrite_hub_revision,
            "message": _message(step, metrics, weights),
            "card": self._card(f"{repo.rpartition('/')[2]} {branch}", folder, metrics, ctx),
            "base_model": self.base_model,
            "local_names": local_names(ctx, folder),
            "metrics": metrics,
            "prune": self._pruning(),
            "timeout_seconds": self.timeout_seconds,
            "commits_per_hour": self.commits_per_hour,
            "coalesce": self.when_quota_is_short == "coalesce",
        }
        files = contents.chosen(folder, self.include)
        ctx.outbox.put(KIND, payload, files=files, key="@".join((repo, branch, *([f"final-{step}"] if final else []))))

    def _card(self, title: str, folder: Path, metrics: Mapping[str, float], ctx: LogContext) -> str:
        below = base_in(folder)
        base = self.base_model or (below if below and not is_local(below) else "")
        return card(title, *self._seen, metrics, ctx.run_config, base, is_adapter=(folder / ADAPTER).is_file())

    @hookimpl
    def on_benchmark_eval(
        self, ctx: LogContext, eval_result: EvalResult, predictions: Sequence[Mapping[str, Any]], step: int | None
    ) -> None:
        if eval_result.commit and eval_result.tags.get("branch"):
            where = {"hub": self.hub, "repo": self.repo or ctx.experiment or "model", "folder": self._folder()}
            # Scores leave a quarter of the commits to revisions, which are more urgent.
            quota = {"commits_per_hour": max(self.commits_per_hour * 3 // 4, 1), "coalesce": False, "final": False}
            payload = {**where, **scores.payload(eval_result), **quota, "timeout_seconds": self.timeout_seconds}
            ctx.outbox.put(scores.KIND, payload, key=f"{eval_result.commit}:{scores.fingerprint(eval_result)}")

    @hookimpl(trylast=True)  # other plugins put their entries for this revision first
    def on_revision(self, ctx: LogContext, revision: Revision) -> None:
        if revision.checkpoint and (rule := self._pruning()):
            where = {"hub": self.hub, "repo": revision.repo, "branch": revision.branch, "folder": self._folder()}
            payload = {**where, "weights": revision.weights, "prune": rule, "timeout_seconds": self.timeout_seconds}
            ctx.outbox.put(PRUNE, payload, key=f"{revision.branch}@{revision.commit}")

    def _folder(self) -> str:
        """An absolute path, or one relative to the run directory, which may have moved before a drain."""
        return str(Path(self.folder).expanduser().absolute()) if self.folder else "hub"

    def _pruning(self) -> dict[str, Any]:
        if self.keep_last is None:
            return {}
        best = {"keep_best": self.keep_best, "metric": self.metric, "greater_is_better": self.greater_is_better}
        return {"keep_last": self.keep_last, **best}


def _message(step: int, metrics: Mapping[str, float], weights: str) -> str:
    said = ", ".join(f"{name} {value:.4g}" for name, value in sorted(metrics.items()) if not name.endswith("_second"))
    which = "" if weights == "raw" else f" ({weights})"
    return f"Step {step}{which}" + (f": {said}" if said else "")
