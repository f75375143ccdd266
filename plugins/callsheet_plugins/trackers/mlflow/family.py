"""The runs that runs of MLflow lie below: one for each experiment, and one for each of its arms.

MLflow gives out ids itself, and several runs of an arm may begin at once. Each looks for the parent, makes it if there
is none, and takes the oldest; what else was made meanwhile gives its children away and is deleted. A run looks again
when it ends, so that one parent is left whoever was first.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

    from callsheet.tracking import TrackedRun

KEY = "callsheet.parent"
PARENT = "mlflow.parentRunId"
MOST = 1000  # children that are looked at


class Family:
    """Where `run` lies among the runs of an MLflow experiment; a plain run, or None, has no parent."""

    def __init__(self, client: MlflowClient, experiment_id: str, run: TrackedRun | None) -> None:
        self._client = client
        self._experiment_id = experiment_id
        self._levels = _levels(run) if run else []

    def parent(self) -> str | None:
        """The run id of the nearest parent, which is made if there is none."""
        parent: str | None = None
        for key, name in self._levels:
            parent = self._kept(key, name, parent)
        return parent

    def adopt(self, run_id: str) -> None:
        """Put the run below its parent, which is at work again."""
        if parent := self.parent():
            self._client.set_tag(run_id, PARENT, parent)

    def end(self, run_id: str) -> None:
        """The run has ended; a parent ends when none of its children is at work."""
        self.adopt(run_id)
        for parent in reversed(self._parents()):
            children = self._search(PARENT, parent.info.run_id)
            if all(child.info.status != "RUNNING" for child in children):
                self._client.set_terminated(parent.info.run_id, "FINISHED")

    def _parents(self) -> list[Run]:
        return [found[0] for key, _ in self._levels if (found := self._oldest_first(key))]

    def _kept(self, key: str, name: str, parent: str | None) -> str:
        if not self._oldest_first(key):
            tags = {KEY: key, "mlflow.source.name": "callsheet"} | ({PARENT: parent} if parent else {})
            self._client.create_run(self._experiment_id, tags=tags, run_name=name[:250])
        first, *others = self._oldest_first(key)
        kept = str(first.info.run_id)
        for other in others:
            self._merge(other.info.run_id, kept)
        if first.info.status != "RUNNING":
            self._client.update_run(kept, status="RUNNING")
        if parent and first.data.tags.get(PARENT) != parent:
            self._client.set_tag(kept, PARENT, parent)
        return kept

    def _merge(self, other: str, kept: str) -> None:
        for child in self._search(PARENT, other):
            self._client.set_tag(child.info.run_id, PARENT, kept)
        self._client.delete_run(other)

    def _oldest_first(self, key: str) -> list[Run]:
        return sorted(self._search(KEY, key), key=lambda run: (run.info.start_time, run.info.run_id))

    def _search(self, tag: str, value: str) -> list[Run]:
        return list(self._client.search_runs([self._experiment_id], f"tags.`{tag}` = '{value}'", max_results=MOST))


def _levels(run: TrackedRun) -> list[tuple[str, str]]:
    """Key and name of each parent, the outermost first."""
    if run.experiment_id is None:
        return []
    below = [name for name in (run.group or run.arm,) if name]
    return [(_key(run.experiment_id), run.experiment), *((_key(run.experiment_id, name), name) for name in below)]


def _key(*parts: str) -> str:
    """Names may hold quotes, which MLflow's filters do not take."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
