"""What a run logs, as Trackio takes it: rows of numbers, tables and alerts, each with an id of its own."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from callsheet.privates import trackio
from callsheet.tracking import Point, Rows, Sink
from callsheet_plugins.trackers.trackio import tables

if TYPE_CHECKING:
    from callsheet.privates.trackio import Local, Records, Server

A_BATCH = 1000
RESERVED = frozenset({"project", "run", "timestamp", "step", "time", "metrics"})
LEVELS = {"completed": "info", "stopped": "info", "interrupted": "warn", "killed": "error", "failed": "error"}
NAMESPACE = uuid.UUID("4b4de1a4-6d0c-5c4e-9f5e-0c0f3a1d7c11")


class TrackioSink(Sink):
    """A run of Trackio. The id of a row is made of what it says, so a row that is sent again is the same row."""

    def __init__(self, target: Local | Server, records: Records, ids: Mapping[str, str]) -> None:
        self._target = target
        self._records = records
        self._ids = dict(ids)

    def point(self, point: Point) -> None:
        values = {_free(name): _spelled(value) for name, value in point.values.items()}
        texts = {_free(name): text for name, text in point.texts.items()}
        log_id = self._id("point", point.axis, point.step, point.time, *sorted({**values, **texts}.items()))
        self._add({**values, **texts}, point.step, point.time, log_id)

    def rows(self, rows: Rows) -> None:
        """A table, which Trackio shows a line a row; and where rows are answers to prompts, each whole as a trace."""
        log_id = self._id("rows", rows.name, rows.step, repr(rows.rows))
        shown: dict[str, Any] = {_free(rows.name): tables.table(rows)}
        if traces := tables.traces(rows):
            shown[f"{rows.name}/traces"] = traces
        self._add(shown, rows.step, rows.time, log_id)

    def revision(self, revision: Mapping[str, Any]) -> None:
        where = f"{revision.get('repo')}@{revision.get('commit')}"
        said = (
            f"**{revision.get('checkpoint') or 'A checkpoint'}** is published: `{where}`\n\n{revision.get('url') or ''}"
        )
        name = f"revisions/{revision.get('weights') or 'raw'}"
        report = {name: trackio.markdown(said.strip())}
        self._add(report, int(revision.get("step") or 0), None, self._id("revision", name, where))

    def flush(self) -> None:
        if self._records.rows or self._records.alerts:
            self._target.send(self._records)
            self._records.config = None  # once is enough
        self._records.rows.clear()
        self._records.alerts.clear()

    def end(self, status: str, summary: Mapping[str, Any]) -> None:
        """Trackio has no status: an alert says it."""
        said = f"{self._records.run}: {status}"
        self._alert(
            said, str(summary.get("error") or ""), LEVELS.get(status, "error"), summary.get("step"), "end", status
        )
        self.flush()

    def ids(self) -> Mapping[str, str]:
        return self._ids

    def _add(self, values: Mapping[str, Any], step: int, time: float | None, log_id: str) -> None:
        at = datetime.now(UTC) if time is None else datetime.fromtimestamp(time, UTC)
        self._records.row(values, step, at.isoformat(), log_id)
        if len(self._records.rows) >= A_BATCH:
            self.flush()

    def _alert(self, title: str, text: str, level: str, step: int | None, *about: object) -> None:
        alert_id = self._id("alert", step, *about)
        self._records.alert(title, text, level, step, datetime.now(UTC).isoformat(), alert_id)

    def _id(self, *about: object) -> str:
        return uuid.uuid5(NAMESPACE, repr((self._records.run_id, *about))).hex


def _free(name: str) -> str:
    """`name` beside those that Trackio's rows have themselves; `trackio.log` does the same."""
    return f"__{name}" if name in RESERVED else name


def _spelled(value: float) -> float | str:
    """A number as Trackio's JSON has it; its page reads the words as numbers."""
    if math.isnan(value):
        return "NaN"
    return value if math.isfinite(value) else "Infinity" if value > 0 else "-Infinity"
