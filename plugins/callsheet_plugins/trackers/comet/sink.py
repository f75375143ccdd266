"""One run at Comet: an experiment with a key of its own, online or in archives."""

from __future__ import annotations

import hashlib
import os
import shlex
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.tracking import Point, Rows, Sink, TrackedRun
from callsheet.tracking.losses import Losses, Lost
from callsheet_plugins.trackers.comet import archives

if TYPE_CHECKING:
    from callsheet_plugins.trackers.comet.plugin import Comet

KEY_SIGNS = 32  # hexadecimal; Comet takes 32 to 50 letters and digits
MARKER = "callsheet_written"
ENVIRONMENT = {"COMET_ERROR_TRACKING_ENABLE": "false", "COMET_LOGGING_CONSOLE": "ERROR"}
NOTHING_BY_ITSELF: dict[str, Any] = {
    "log_code": False,
    "log_graph": False,
    "parse_args": False,
    "log_git_metadata": False,
    "log_git_patch": False,
    "log_env_details": False,
    "log_env_gpu": False,
    "log_env_host": False,
    "log_env_cpu": False,
    "log_env_network": False,
    "log_env_disk": False,
    "auto_output_logging": False,
    "auto_param_logging": False,
    "auto_metric_logging": False,
    "auto_log_co2": False,
    "display_summary_level": 0,
}


class CometSink(Sink):
    """The experiment of one run, begun or gone on with."""

    def __init__(self, plugin: Comet, run: TrackedRun) -> None:
        self._plugin, self._run, self._folder = plugin, run, run.folder
        self.key = hashlib.sha256(run.run_id.encode()).hexdigest()[:KEY_SIGNS]
        self._folder.joinpath(archives.UNFINISHED).mkdir(parents=True, exist_ok=True)
        archives.close_left(self._folder, self._about())
        self._there: set[tuple[str, int]] | None = None
        self._written = 0
        self._experiment = self._started()
        self._losses = Losses("comet_ml")
        if run.is_new:
            self._introduce()

    def _started(self) -> Any:
        for name, value in ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        tempfile.tempdir = str(self._folder / archives.UNFINISHED)  # where comet_ml keeps what is not in an archive yet
        import comet_ml

        plugin, run = self._plugin, self._run
        config = comet_ml.ExperimentConfig(
            offline_directory=str(self._folder), name=plugin.name or run.name, tags=self._tags(), **NOTHING_BY_ITSELF
        )
        return comet_ml.start(
            workspace=plugin.workspace,
            project_name=plugin.project_name,
            experiment_key=self.key,
            mode="get_or_create",
            online=plugin.online,
            experiment_config=config,
        )

    def _about(self) -> dict[str, Any]:
        plugin = self._plugin
        place = {"project_name": plugin.project_name, "workspace": plugin.workspace}
        return {"offline_id": self.key, "tags": self._tags(), **place}

    def _tags(self) -> list[str]:
        run = self._run
        known = {"group": run.group, "arm": run.arm, "seed": run.seed, "stage": run.stage}
        return [*self._plugin.tags, *(f"{name}:{value}" for name, value in known.items() if value is not None)]

    def _introduce(self) -> None:
        run = self._run
        about = {"experiment": run.experiment, "group": run.group, "arm": run.arm, "seed": run.seed, "stage": run.stage}
        self._other(**{name: value for name, value in about.items() if value is not None}, run_dir=str(run.run_dir))
        self._experiment.log_parameters(dict(run.config), nested_support=True)

    def point(self, point: Point) -> None:
        for name, value in point.values.items():
            if (name, point.step) not in (self._there or ()):
                self._experiment.log_metric(name, value, step=point.step)
        self._other(**point.texts)

    def rows(self, rows: Rows) -> None:
        self._experiment.set_step(rows.step)
        table = [list(row) for row in rows.rows]
        self._experiment.log_table(_file(rows), table, headers=list(rows.columns))

    def checkpoint(self, row: Mapping[str, Any]) -> None:
        self._other(**{f"checkpoint/{row.get('step')}": str(row.get("path") or row.get("name"))})

    def revision(self, revision: Mapping[str, Any]) -> None:
        self._other(**{f"revision/{revision.get('step')}": f"{revision.get('repo')}@{revision.get('commit')}"})

    def _other(self, **about: Any) -> None:
        for name, value in about.items():
            self._experiment.log_other(name, value)

    def flush(self) -> None:
        self._there = None
        if self._plugin.online:
            if not self._experiment.flush():
                raise Lost("Comet did not take everything in time")
            self._losses.raise_if_any()  # `flush` is content with a server that refuses everything
            return
        self._written += 1
        marker = f"{MARKER}-{os.getpid()}-{self._written}"
        self._other(**{MARKER: marker})
        if not archives.written(Path(self._experiment.tmpdir), marker, self._experiment.streamer.is_alive):
            raise Lost("comet_ml stopped writing its archive")

    def lacks(self, item: Point | Rows) -> bool:
        """Archives can be read; of what is online, the same value at the same step does no harm."""
        if self._plugin.online:
            return True
        if self._there is None:
            self._there = set(archives.told(self._folder))
        if isinstance(item, Rows):
            return (_file(item), item.step) not in self._there
        return not {(name, item.step) for name in item.values} <= self._there or bool(item.texts)

    def end(self, status: str, summary: Mapping[str, Any]) -> None:
        self._other(status=status, error=summary.get("error") or "none")
        self.close()

    def close(self) -> None:
        self._experiment.end()
        self._losses.raise_if_any()

    def ids(self) -> dict[str, str]:
        if self._plugin.online:
            return {"experiment_key": self.key, "url": str(self._experiment.url)}
        return {"experiment_key": self.key, "where": f"comet upload {shlex.quote(str(self._folder))}/*.zip"}


def _file(rows: Rows) -> str:
    """One for each step, source of completions, and kind of weights."""
    first = dict(zip(rows.columns, rows.rows[0], strict=True)) if rows.rows else {}
    kinds = [str(first[name]) for name in ("source", "weights") if first.get(name) not in (None, "raw")]
    return f"{'-'.join([rows.name, *kinds, str(rows.step)])}.csv"
