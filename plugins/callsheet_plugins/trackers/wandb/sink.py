"""One run of wandb, opened by one process; what it was given counts as safe once it stands in wandb's own file."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.privates.wandb import TIMESTAMP
from callsheet.tracking import Point, Rows, Sink, TrackedRun
from callsheet_plugins.trackers.wandb.charts import SCORED, STEP
from callsheet_plugins.trackers.wandb.page import Page
from callsheet_plugins.trackers.wandb.records import History

if TYPE_CHECKING:
    from callsheet_plugins.trackers.wandb.plugin import Wandb

WRITTEN_SECONDS = 40.0  # wandb 0.31 writes its file every 15 s


class WandbRun(Sink):
    """Each point is one row of wandb's history, each table one more."""

    batch = 20_000  # as a flush takes seconds

    def __init__(self, run: TrackedRun, plugin: Wandb) -> None:
        self._earlier = sorted(run.folder.glob("wandb/*run-*/run-*.wandb"))
        self._run = _begin(run, plugin)
        self._page = Page(self._run, run, plugin)
        self._file = History(Path(self._run.settings.sync_file))
        self._tables: dict[str, Any] = {}
        self._defined: set[str] = set()
        self._given = 0
        self._had: Counter[tuple[Any, ...]] | None = None
        self._run.define_metric(STEP)
        for prefix in ("train/*", "eval/*"):
            self._run.define_metric(prefix, step_metric=STEP)
        self._run.define_metric(SCORED, hidden=True)

    def point(self, point: Point) -> None:
        step = self._step_of(point.axis, [*point.values, *point.texts])
        shared = {SCORED: point.step} if point.axis.startswith("bench/") else {}  # raw and averaged, in one chart
        self._log({**point.values, **point.texts, step: point.step, **shared, TIMESTAMP: point.time})

    def rows(self, rows: Rows) -> None:
        """Add to the table of this name: wandb sends what is new of it, and shows all."""
        import wandb

        key = (rows.name, *rows.columns)
        table = self._tables.get(str(key))
        if table is None:
            table = wandb.Table(columns=list(rows.columns), log_mode="INCREMENTAL", allow_mixed_types=True)
            self._tables[str(key)] = table
        for row in rows.rows:
            table.add_data(*row)
        self._log({rows.name: table, self._step_of(rows.name, []): rows.step, TIMESTAMP: rows.time})

    def revision(self, revision: Mapping[str, Any]) -> None:
        """In the summary: the newest revision, and all of them by branch."""
        self._run.summary[f"revisions/{revision['branch']}"] = str(revision.get("url") or revision["commit"])

    def flush(self) -> None:
        """wandb's process keeps rows for seconds, and loses them if it is killed: wait until they are in its file."""
        end = time.monotonic() + WRITTEN_SECONDS
        while not self.hurries() and self._file.counted() < self._given:
            if time.monotonic() > end:
                raise TimeoutError(f"wandb has not written its file for {WRITTEN_SECONDS:g} s")
            time.sleep(0.25)

    def lacks(self, item: Point | Rows) -> bool:
        if self._had is None:
            self._had = Counter(key for path in self._earlier for row in History(path).rows() for key in _keys(row))
        if isinstance(item, Rows):  # a step may have several, which nothing but their order tells apart
            return not _taken(self._had, (f"{item.name}/step", item.step, f"{item.name}/step"))
        step = self._step_of(item.axis, [])
        return any((step, item.step, name) not in self._had for name in (*item.values, *item.texts))

    def end(self, status: str, summary: Mapping[str, Any]) -> None:
        self._run.summary["status"] = status
        if summary.get("error"):
            self._run.summary["error"] = str(summary["error"])[:1000]
        self._run.finish(exit_code=0 if status in ("completed", "stopped") else 1)
        self._page.wait()

    def close(self) -> None:
        self._run.finish()

    def ids(self) -> Mapping[str, str]:
        url = self._run.url
        return {
            "run_id": self._run.id,
            "project": self._run.project,
            **({"url": url} if url else {}),
            **self._page.ids(),
        }

    def _log(self, row: dict[str, Any]) -> None:
        self._run.log(row)
        self._given += 1

    def _step_of(self, axis: str, names: list[str]) -> str:
        """The metric that holds the steps of `axis`; tells wandb of it, and of the metrics that stand over it."""
        if axis.partition("/")[0] in ("train", "eval"):
            return STEP
        for name in [step := f"{axis}/step", *names]:
            if name not in self._defined:
                self._defined.add(name)
                over = {"step_metric": step} if name != step else {}
                self._run.define_metric(name.replace(".", "\\."), **over)
        return step


def _begin(run: TrackedRun, plugin: Wandb) -> Any:
    import wandb

    settings = wandb.Settings(
        console="off",
        disable_git=True,
        disable_job_creation=True,
        init_timeout=max(plugin.deadline_seconds, 10.0),
        save_code=False,
        silent=True,
        symlink=False,
        x_disable_meta=True,
        x_disable_stats=not plugin.stats,
        x_save_requirements=False,
    )
    return wandb.init(
        dir=str(run.folder),
        project=plugin.project or os.environ.get("WANDB_PROJECT") or "callsheet",
        entity=plugin.entity,
        id=run.ids.get("run_id", run.run_id),
        name=plugin.name or run.name,
        group=plugin.group or run.experiment,
        job_type=run.arm or "train",
        tags=plugin.tags or None,
        config=dict(run.config),
        mode="offline" if plugin.is_offline else "online",
        resume=None if plugin.is_offline else "allow",
        settings=settings,
    )


def _keys(row: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """What tells a row from others: the step, on its axis, and each name."""
    steps = [(name, value) for name, value in row.items() if name == STEP or name.endswith("/step")]
    return [(name, value, metric) for name, value in steps for metric in row]


def _taken(had: Counter[tuple[Any, ...]], key: tuple[Any, ...]) -> bool:
    """Whether there was one left of `key`, which is none any more."""
    had[key] -= 1
    return had[key] >= 0
