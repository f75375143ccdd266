"""trackio: its tables, and what its own client sends, with ids that make a row that is sent again the same row.

`trackio.log` draws a new id for each call, takes no time of its own, and swallows what fails: after a kill, nobody
could tell what is missing. `Local` and `Server` write the same records, and raise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from callsheet.errors import CallsheetError
from callsheet.privates.library import Library, Private

STORAGE = "trackio/sqlite_storage.py"
FRAGMENTS = "trackio/fragments.py"
REMOTE = "trackio/remote_client.py"
LOG = ("project", "run", "metrics_list", "steps", "timestamps", "config", "log_ids")
ALERT = ("project", "run", "titles", "texts", "levels", "steps", "timestamps", "alert_ids", "run_id")
ENTRY = ("entry",)
RESERVED_START = "registry-"
RESERVED_ENDS = ("system", "configs", "traces", "artifacts", "artifact_versions", "artifact_aliases")
LONGEST_ANSWER = 300

LIBRARY = Library(
    "trackio",
    read_in="0.43.0",
    source="https://github.com/gradio-app/trackio/blob/trackio@0.43.0",
    names=(
        Private("SQLiteStorage.bulk_log", STORAGE, 2028, "writes rows of numbers", takes=LOG),
        Private("SQLiteStorage.bulk_alert", STORAGE, 2252, "writes alerts", takes=ALERT),
        Private("SQLiteStorage.validate_project_name", STORAGE, 642, "asks for a project's name", takes=("project",)),
        Private("get_storage_mode", "trackio/utils.py", 333, "asks whether the disk is shared by machines"),
        Private("FragmentWriter.write_local", FRAGMENTS, 127, "writes where SQLite has no locks", takes=("records",)),
        Private("metric_record", FRAGMENTS, 43, "writes rows where SQLite has no locks", takes=ENTRY),
        Private("alert_record", FRAGMENTS, 73, "writes alerts where SQLite has no locks", takes=ENTRY),
        Private("RemoteClient.predict", REMOTE, 297, "sends rows to a server"),
        Private("Table._to_dict", "trackio/table.py", 185, "writes tables", takes=("project", "run")),
        Private("Trace._to_dict", "trackio/trace.py", 75, "writes completions", takes=("project", "run")),
        Private("Markdown._to_dict", "trackio/markdown.py", 17, "writes reports"),
        Private("_Username", "trackio/run.py", 164, "leaves out whose the run is, which trackio asks the Hub for"),
        Private("_Created", "trackio/run.py", 165, "says when the run began"),
        Private("_Group", "trackio/run.py", 166, "puts seeds into the group of their arm"),
    ),
)


@dataclass
class Records:
    """Rows and alerts of one run. Each has an id; a place that has the id takes it as sent."""

    project: str
    run: str
    run_id: str
    config: dict[str, Any] | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)

    def row(self, values: Mapping[str, Any], step: int, timestamp: str, log_id: str) -> None:
        at = {"step": step, "timestamp": timestamp, "log_id": log_id}
        self.rows.append({**self._of(), "metrics": encodable(values), "config": None, **at})

    def alert(self, title: str, text: str, level: str, step: int | None, timestamp: str, alert_id: str) -> None:
        said = {"title": encodable(title), "text": encodable(text), "level": level, "step": step}
        self.alerts.append({**self._of(), **said, "timestamp": timestamp, "alert_id": alert_id})

    def _of(self) -> dict[str, Any]:
        return {"project": self.project, "run": self.run, "run_id": self.run_id}


class Local:
    """The database of a project in TRACKIO_DIR; on a disk that machines share, the files that trackio writes there."""

    def __init__(self, project: str) -> None:
        from trackio import fragments, utils
        from trackio.sqlite_storage import SQLiteStorage

        SQLiteStorage.validate_project_name(project)
        self._fragments = fragments.FragmentWriter() if utils.get_storage_mode() == "jsonl" else None

    def send(self, records: Records) -> None:
        """Return when all of it is on the disk. Raises what SQLite raises."""
        if self._fragments:
            from trackio.fragments import alert_record, metric_record

            rows = map(metric_record, with_config(records))
            self._fragments.write_local([*rows, *map(alert_record, records.alerts)])
            return
        _write_rows(records)
        _write_alerts(records)


class Server:
    """A Trackio server, or a Space. It keeps the time when a row came, and not the row's own."""

    def __init__(self, source: str, *, hf_token: str | None, write_token: str | None, timeout: float) -> None:
        from trackio.remote_client import RemoteClient

        self._source = source.partition("?")[0]
        self._hf_token = hf_token
        self._client = RemoteClient(
            source, hf_token=hf_token, write_token=write_token, httpx_kwargs={"timeout": timeout}, verbose=False
        )

    def send(self, records: Records) -> None:
        """Return when the server has all of it. Raises what httpx raises."""
        if records.rows:
            rows = list(with_config(records))
            self._call("/bulk_log", logs=rows)
        if records.alerts:
            self._call("/bulk_alert", alerts=records.alerts)

    def _call(self, api_name: str, **arguments: Any) -> None:
        """The library says "400 Bad Request" and leaves out why."""
        try:
            self._client.predict(api_name=api_name, hf_token=self._hf_token, **arguments)
        except Exception as error:
            answer = getattr(error, "response", None)
            if answer is None or not 400 <= answer.status_code < 500:
                raise
            said = answer.text[:LONGEST_ANSWER]
            raise CallsheetError(f"Trackio's server {self._source} refused what was sent to it: {said}") from error


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Rows in the form that trackio keeps."""
    from trackio import Table

    return dict(Table([*columns], [[*row] for row in rows])._to_dict("", ""))


def trace(asked: str, answered: str, about: Mapping[str, Any]) -> dict[str, Any]:
    """A prompt with its answer, in the form that trackio keeps."""
    from trackio import Trace

    messages = [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]
    return Trace(messages, metadata=dict(about))._to_dict("", "")


def markdown(text: str) -> dict[str, Any]:
    """A report, in the form that trackio keeps."""
    from trackio import Markdown

    return dict(Markdown(text)._to_dict())


def config(settings: Mapping[str, Any], group: str | None, created: str) -> dict[str, Any]:
    """`settings` beside what trackio's page knows of a run; trackio keeps names that begin with "_" for itself."""
    own = {"_Username": None, "_Created": created, "_Group": group}
    return {**{name.lstrip("_") or "-": value for name, value in encodable(settings).items()}, **encodable(own)}


def refused(project: str) -> str:
    """Why trackio takes no project of this name, as `validate_project_name` has it; or an empty string."""
    plain = "".join(sign for sign in project if sign.isalnum() or sign in "-_").rstrip()
    if plain.startswith(RESERVED_START):
        return f"names that begin with {RESERVED_START!r} are its registries"
    end = next((f"_{end}" for end in RESERVED_ENDS if plain[1:].endswith(f"_{end}")), "")
    return f"names that end in {end!r} are its own tables" if end else ""


def encodable(value: Any) -> Any:
    """`value` for its JSON, which refuses half a surrogate pair, as a model's text may end in one."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {encodable(str(name)): encodable(inner) for name, inner in value.items()}
    return [*map(encodable, value)] if isinstance(value, (list, tuple)) else value


def with_config(records: Records) -> Iterable[dict[str, Any]]:
    """The rows; the first carries the configuration."""
    for index, row in enumerate(records.rows):
        yield {**row, "config": records.config} if index == 0 and records.config else row


def _write_rows(records: Records) -> None:
    from trackio.sqlite_storage import SQLiteStorage

    SQLiteStorage.bulk_log(
        project=records.project,
        run=records.run,
        run_id=records.run_id,
        metrics_list=_column("metrics", records.rows),
        steps=_column("step", records.rows),
        timestamps=_column("timestamp", records.rows),
        log_ids=_column("log_id", records.rows),
        config=records.config,
    )


def _write_alerts(records: Records) -> None:
    from trackio.sqlite_storage import SQLiteStorage

    SQLiteStorage.bulk_alert(
        project=records.project,
        run=records.run,
        run_id=records.run_id,
        titles=_column("title", records.alerts),
        texts=_column("text", records.alerts),
        levels=_column("level", records.alerts),
        steps=_column("step", records.alerts),
        timestamps=_column("timestamp", records.alerts),
        alert_ids=_column("alert_id", records.alerts),
    )


def _column(name: str, records: Sequence[Mapping[str, Any]]) -> list[Any]:
    return [record[name] for record in records]
