"""One run at Weave: what the follower gives it, as traces or evaluations, and what scorers got wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from callsheet.rundir.rundir import RunDir
from callsheet.tracking import Point, Rows, Sink, TrackedRun
from callsheet_plugins.trackers.weave.client import connect, flushed
from callsheet_plugins.trackers.weave.completions import Sampled, sampled
from callsheet_plugins.trackers.weave.scoring import Scoring
from callsheet_plugins.trackers.weave.sending import Evaluations, Traces, Way

if TYPE_CHECKING:
    from callsheet_plugins.trackers.weave.plugin import Weave

TABLE = "completions"


class WeaveSink(Sink):
    """Completions go to the project of the run; numbers are other trackers' work."""

    def __init__(self, plugin: Weave, run: TrackedRun) -> None:
        self._plugin, self._run = plugin, run
        self._scoring = Scoring(plugin.scorers)
        self._way: Way = Evaluations(plugin.dataset_name, self._scoring) if plugin.scorers else Traces()
        self._has_more = False
        self._client, self._losses = connect(str(plugin.project_name), max(1.0, plugin.deadline_seconds / 4))

    def point(self, point: Point) -> None:
        """Weave has no curves."""

    def rows(self, rows: Rows) -> None:
        for one in self._sampled(rows):
            self._has_more = True
            self._way.send(self._client, one, {**self._about, "training_step": one.step, "source": one.source})

    def lacks(self, item: Point | Rows) -> bool:
        return isinstance(item, Rows) and any([self._way.lacks(self._client, one) for one in self._sampled(item)])

    def _sampled(self, rows: Rows) -> Iterator[Sampled]:
        return sampled(self._run.run_id, rows) if rows.name.partition("/")[0] == TABLE else iter(())

    @property
    def _about(self) -> dict[str, Any]:
        run, model = self._run, (self._run.config.get("model") or {}).get("name_or_path")
        known: dict[str, Any] = {"experiment": run.experiment, "group": run.group, "arm": run.arm, "seed": run.seed}
        named = {"run": run.name, "model_name": self._plugin.model_name or str(model or "model")}
        known |= {"generation_config": self._plugin.generation_config}
        return named | {name: value for name, value in known.items() if value is not None}

    def flush(self) -> None:
        if self._has_more:  # Weave takes seconds for nothing, too
            flushed(self._client, self._losses)
        self._has_more = False
        for failure in self._scoring.failures():
            RunDir(self._run.run_dir).event("scorer_failed", **failure)

    def end(self, status: str, summary: Mapping[str, Any]) -> None:
        self.flush()

    def ids(self) -> dict[str, str]:
        from weave.trace.urls import project_weave_root_url

        entity, project = self._client.entity, self._client.project
        return {"project": f"{entity}/{project}", "url": project_weave_root_url(entity, project)}
