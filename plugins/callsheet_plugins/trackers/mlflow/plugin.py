"""Settings of `mlflow`, and what is wrong with them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from callsheet import setting
from callsheet.tracking import Names, Tracker
from callsheet.tracking.reachable import unreachable
from callsheet_plugins.trackers.mlflow import places

if TYPE_CHECKING:
    from callsheet.records import LogContext
    from callsheet.tracking import Sink, TrackedRun

# "/" at an end, "//", "." and ".." as parts: MLflow takes no name that is another one as a path.
FORBIDDEN = r"[^/\w.\- :]|^/|//+|/$|(?<![^/])\.{1,2}(?![^/])"


class Mlflow(Tracker):
    """Show the run in MLflow: on a tracking server, or in a database of this machine.

    The runs of an experiment fold: the runs of an arm's seeds lie below the arm, the arms below the experiment. Without
    `tracking_uri` and MLFLOW_TRACKING_URI, runs go where `mlflow ui`, started in the same folder, looks: mlflow.db.
    Passwords belong into the environment: MLFLOW_TRACKING_URI, or MLFLOW_TRACKING_USERNAME, _PASSWORD and _TOKEN.
    """

    modules: ClassVar[tuple[str, ...]] = ("mlflow",)
    extra: ClassVar[str] = "mlflow"
    names: ClassVar[Names] = Names(FORBIDDEN, 250)
    reports_to: ClassVar[str] = "mlflow"

    tracking_uri: str | None = setting(
        None,
        help="http://…, databricks, sqlite:///…: by default MLFLOW_TRACKING_URI, else mlflow.db in this folder.",
    )
    experiment_name: str | None = setting(
        None, help="MLflow's experiment; by default MLFLOW_EXPERIMENT_NAME, else the name of Callsheet's."
    )
    run_name: str | None = setting(None, help="By default the run's name.")
    nested: bool = setting(True, help="Put the runs of an experiment below their arm, and arms below the experiment.")
    tags: dict[str, str] = setting({}, help="Tags of the run, beside those of the arm: group, arm, seed and stage.")
    artifact_location: str | None = setting(
        None, help="Where MLflow keeps the files of an experiment that is new to it; by default it decides."
    )
    offline: bool = setting(
        False, help="Ask no server and write into the run directory: trackers/mlflow/mlflow.db, with its files."
    )

    def open(self, run: TrackedRun) -> Sink:
        from callsheet_plugins.trackers.mlflow.opening import opened

        return opened(self, run)

    def problems(self, ctx: LogContext) -> Iterable[str]:
        if self.offline and self.tracking_uri:
            yield "plugins.mlflow: offline and tracking_uri each say where runs go. Give one of them."
        yield from places.problems(self._uri, Path.cwd(), in_setting=bool(self.tracking_uri))

    def doubts(self, ctx: LogContext) -> Iterable[str]:
        if said := unreachable(self._uri):
            server = places.without_secret(self._uri)
            yield f"MLflow's server {server} does not answer: {said}. The run keeps what it logs."

    @property
    def _uri(self) -> str:
        uri = None if self.offline else places.asked(self.tracking_uri, os.environ)
        return uri or places.DATABASE
