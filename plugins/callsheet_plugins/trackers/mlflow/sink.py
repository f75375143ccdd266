"""What a run logs, as MLflow takes it: metrics by the thousand, a file for each table of a step, tags for the rest."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from callsheet.disk.names import file_name
from callsheet.tracking import Point, Rows, Sink
from callsheet_plugins.trackers.mlflow.params import LONGEST_TAG, shortened

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, RunTag

    from callsheet_plugins.trackers.mlflow.family import Family

A_BATCH = 1000
TAGS_A_BATCH = 100
TABLES = "mlflow.loggedArtifacts"  # by which MLflow's page finds tables
LONGEST_CELL = 20_000
LARGEST = 1.7976931348623157e308  # MLflow keeps infinity as this
STATUSES = {"completed": "FINISHED", "stopped": "FINISHED", "interrupted": "KILLED", "killed": "KILLED"}


class MlflowSink(Sink):
    """A run of MLflow. It takes the same metric twice for one: value, step and time are equal when it is sent again."""

    def __init__(self, client: MlflowClient, run_id: str, family: Family, ids: Mapping[str, str]) -> None:
        self._client = client
        self._run_id = run_id
        self._family = family
        self._ids = dict(ids)
        self._metrics: list[Metric] = []
        self._tags: dict[str, str] = {}
        self._tables: list[dict[str, str]] | None = None

    def point(self, point: Point) -> None:
        from mlflow.entities import Metric

        at = max(0, int(point.time * 1000))
        self._metrics += [Metric(name, _finite(value), at, point.step) for name, value in point.values.items()]
        self._tags |= {name: shortened(text, LONGEST_TAG) for name, text in point.texts.items()}
        if len(self._metrics) >= A_BATCH:
            self._send_metrics()

    def rows(self, rows: Rows) -> None:
        """A file for each step, in the form of `mlflow.log_table`, which would read and send the whole again."""
        steps = [] if "step" in rows.columns else [("step", rows.step)]
        columns = [*(name for name, _ in steps), *rows.columns]
        content = {"columns": columns, "data": [[*(step for _, step in steps), *map(_cell, row)] for row in rows.rows]}
        path = "/".join([*map(file_name, rows.name.split("/")), f"{file_name(*_about(rows))}.json"])
        self._client.log_text(self._run_id, json.dumps(content), path)
        self._list_table(path)

    def checkpoint(self, row: Mapping[str, Any]) -> None:
        self._tags["checkpoint"] = shortened(str(row.get("name")), LONGEST_TAG)

    def revision(self, revision: Mapping[str, Any]) -> None:
        where = revision.get("url") or f"{revision.get('repo')}@{revision.get('commit')}"
        weights = "" if revision.get("weights") in (None, "", "raw") else f".{file_name(revision['weights'])}"
        self._tags[f"revision.{revision.get('step')}{weights}"] = shortened(str(where), LONGEST_TAG)

    def flush(self) -> None:
        self._send_metrics()
        self._send_tags()

    def end(self, status: str, summary: Mapping[str, Any]) -> None:
        self._tags["callsheet.status"] = status
        if error := summary.get("error"):
            self._tags["callsheet.error"] = shortened(str(error), LONGEST_TAG)
        self.flush()
        self._client.set_terminated(self._run_id, STATUSES.get(status, "FAILED"))
        self._family.end(self._run_id)

    def ids(self) -> Mapping[str, str]:
        return self._ids

    def _send_metrics(self) -> None:
        while self._metrics:
            self._client.log_batch(self._run_id, metrics=self._metrics[:A_BATCH], synchronous=True)
            del self._metrics[:A_BATCH]

    def _send_tags(self) -> None:
        from mlflow.entities import RunTag

        tags: list[RunTag] = [RunTag(name, value) for name, value in self._tags.items()]
        for begin in range(0, len(tags), TAGS_A_BATCH):
            self._client.log_batch(self._run_id, tags=tags[begin : begin + TAGS_A_BATCH], synchronous=True)
        self._tags.clear()

    def _list_table(self, path: str) -> None:
        """Name the table for MLflow's page; a tag holds about a hundred names, and the newest stay."""
        if self._tables is None:
            self._tables = json.loads(self._client.get_run(self._run_id).data.tags.get(TABLES, "[]"))
        table = {"path": path, "type": "table"}
        self._tables = [*(known for known in self._tables if known != table), table]
        while len(json.dumps(self._tables)) > LONGEST_TAG:
            del self._tables[0]
        self._tags[TABLES] = json.dumps(self._tables)


def _about(rows: Rows) -> list[str]:
    """What tells a table from others of its step: whose completions, and which weights answered."""
    first = dict(zip(rows.columns, rows.rows[0], strict=False)) if rows.rows else {}
    return ["step", f"{rows.step:08d}", *(str(first[name]) for name in ("source", "weights") if first.get(name))]


def _finite(value: float) -> float:
    return math.copysign(LARGEST, value) if math.isinf(value) else float(value)


def _cell(cell: str | float | int | None) -> str | float | int | None:
    if isinstance(cell, str):
        return shortened(cell, LONGEST_CELL)
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell
