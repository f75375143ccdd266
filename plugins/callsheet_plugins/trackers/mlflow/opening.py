"""Begin a run in MLflow, or find the one that is there; in the tracker's own process."""

from __future__ import annotations

import getpass
import os
import shlex
from contextlib import chdir, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from callsheet.errors import CallsheetError
from callsheet.rundir.rundir import RunDir
from callsheet_plugins.trackers.mlflow import databases, places
from callsheet_plugins.trackers.mlflow.family import Family
from callsheet_plugins.trackers.mlflow.params import LONGEST_TAG, log_params, shortened
from callsheet_plugins.trackers.mlflow.sink import MlflowSink

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from callsheet.tracking import TrackedRun
    from callsheet_plugins.trackers.mlflow.plugin import Mlflow

RUN_ID = "callsheet.run_id"
LONGEST_NAME = 250
KIND = {"mlflow.experimentKind": "custom_model_development"}  # by which MLflow's page begins with charts of training
# The library waits for two minutes, seven times over; here, the courier tries again.
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "GIT_PYTHON_REFRESH": "quiet",
}


def opened(plugin: Mlflow, run: TrackedRun) -> MlflowSink:
    """The sink of `run`. Whoever drains a run may stand in another folder than the run did: its own counts."""
    with chdir(run.cwd if run.cwd.is_dir() else Path()):
        client, uri = _client(plugin, run)
        experiment_id = _experiment(client, plugin, run)
    family = Family(client, experiment_id, run if plugin.nested else None)
    run_id = _known(client, experiment_id, run)
    if run_id is None:
        tags = _tags(plugin, run, family.parent())
        name = (plugin.run_name or run.name)[:LONGEST_NAME]
        run_id = client.create_run(experiment_id, _milliseconds(run.started), tags, name).info.run_id
    else:
        _reopen(client, run_id, family)
    log_params(client, run_id, run.config, plugin.names)
    return MlflowSink(client, run_id, family, _ids(uri, experiment_id, run_id))


def _client(plugin: Mlflow, run: TrackedRun) -> tuple[MlflowClient, str]:
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    uri = run.ids.get("tracking_uri") or places.asked(plugin.tracking_uri, os.environ)
    if plugin.offline:
        uri = f"sqlite:///{run.folder.absolute()}/mlflow.db"
    if uri and places.scheme_of(uri) in ("file", ""):
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # it was asked for
    import mlflow

    uri = uri or mlflow.get_tracking_uri()
    if path := places.local(uri, Path.cwd()):
        path.parent.mkdir(parents=True, exist_ok=True)
    if places.scheme_of(uri) == "sqlite" and path:
        databases.make(path)
        uri = f"sqlite:///{path}"
    return databases.connected(uri), uri


def _experiment(client: MlflowClient, plugin: Mlflow, run: TrackedRun) -> str:
    """The id of MLflow's experiment; several runs may ask for it at once."""
    from mlflow.exceptions import MlflowException

    name = plugin.experiment_name or os.environ.get("MLFLOW_EXPERIMENT_NAME") or run.experiment or "Default"
    location = plugin.artifact_location or (f"{run.folder.absolute()}/artifacts" if plugin.offline else None)
    found = client.get_experiment_by_name(name)
    if found is None:
        with suppress(MlflowException):
            return str(client.create_experiment(name, location, KIND))
        found = client.get_experiment_by_name(name)
    if found is None:
        return str(client.create_experiment(name, location, KIND))  # says what is wrong
    if found.lifecycle_stage == "deleted":
        raise CallsheetError(
            f"MLflow's experiment {name!r} was deleted. Set plugins.mlflow.experiment_name to another one, or restore "
            f"it: mlflow experiments restore --experiment-id {found.experiment_id}."
        )
    return str(found.experiment_id)


def _known(client: MlflowClient, experiment_id: str, run: TrackedRun) -> str | None:
    """The run of MLflow that was begun for this one, also by a process that was killed right then."""
    if known := run.ids.get("run_id"):
        return known
    found = client.search_runs([experiment_id], f"tags.`{RUN_ID}` = '{run.run_id}'", max_results=1)
    return str(found[0].info.run_id) if found else None


def _reopen(client: MlflowClient, run_id: str, family: Family) -> None:
    info = client.get_run(run_id).info
    if info.lifecycle_stage == "deleted":
        raise CallsheetError(
            f"The run {run_id} was deleted in MLflow. mlflow runs restore --run-id {run_id} brings it back."
        )
    if info.status != "RUNNING":
        client.update_run(run_id, status="RUNNING")
    family.adopt(run_id)


def _tags(plugin: Mlflow, run: TrackedRun, parent: str | None) -> dict[str, str]:
    place = {"group": run.group, "arm": run.arm, "seed": run.seed, "stage": run.stage}
    known = {
        RUN_ID: run.run_id,
        "callsheet.run_dir": str(run.run_dir),
        "callsheet.experiment_id": run.experiment_id,
        "mlflow.parentRunId": parent,
        "mlflow.source.name": "callsheet",
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": (RunDir(run.run_dir, is_main=False).run().get("git") or {}).get("commit"),
        "mlflow.user": _user(),
    }
    said = {**place, **known, **plugin.tags}
    told = {name: str(value) for name, value in said.items() if value not in (None, "")}
    return {plugin.names.fit(name): shortened(value, LONGEST_TAG) for name, value in told.items()}


def _user() -> str:
    with suppress(KeyError, OSError):  # a container may know no name for its user
        return getpass.getuser()
    return ""


def _milliseconds(started: str) -> int | None:
    return int(datetime.fromisoformat(started).timestamp() * 1000) if started else None


def _ids(uri: str, experiment_id: str, run_id: str) -> dict[str, str]:
    """`tracking_uri` is kept for whoever sends late scores from another folder; it is none that holds a password."""
    ids = {"run_id": run_id, "experiment_id": experiment_id}
    if places.without_secret(uri) == uri:
        ids["tracking_uri"] = uri
    if uri.startswith("http"):
        ids["url"] = f"{places.without_secret(uri).rstrip('/')}/#/experiments/{experiment_id}/runs/{run_id}"
    else:
        ids["where"] = f"mlflow ui --backend-store-uri {shlex.quote(places.without_secret(uri))}"
    return ids
