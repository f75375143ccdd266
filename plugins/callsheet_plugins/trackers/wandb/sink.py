"""One run of wandb, opened by one process; what it was given counts as safe once it stands in wandb's own file."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.privates.wandb import TIMESTAMP
from callsheet.tracking import Point, Rows, Sink, TrackedRun
from callsheet_plugins.trackers.wandb.charts import SCORED, STEP
from callsheet_plugins.trackers.wandb.page import Page
from callsheet_plugins.trackers.wandb.records import History
from callsheet_plugins.trackers.wandb.unsent import unsent

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
        # Rows that the server has, and wandb's file has not: the file is written later.
        self._ahead = 0 if run.is_new else self._run.starting_step - run.sent
        self._had: Counter[tuple[Any, ...]] | None = None
        self._run.define_metric(STEP)
        for prefix in ("train/*", "eval/*"):
            self._run.define_metric(prefix, step_metric=STEP)
        self._run.define_metric(SCORED, hidden=True)
        if not plugin.is_offline:
            self._send_what_is_left(self._run.starting_step)

    def point(self, point: Point) -> None:
        step = self._step_of(point.axis, [*point.values, *point.texts])
        shared = {SCORED: point.step} if point.axis.startswith("bench/") else {}  # raw and averaged, in one chart
        self._log({**point.values, **point.texts, step: point.step, **shared, TIMESTAMP: point.time})

    def rows(self, rows: Rows) -> None:
        """Add to the table of this name: wandb sends what is new of it, and shows all."""
        name, table = self._table(rows)
        for row in rows.rows:
            cells = dict(zip(rows.columns, row, strict=True))
            table.add_data(*(cells.get(column) for column in table.columns))
        self._log({name: table, self._step_of(rows.name, []): rows.step, TIMESTAMP: rows.time})

    def _table(self, rows: Rows) -> tuple[str, Any]:
        """The table that has all columns of `rows`; of the same name but with fewer, it gets another one."""
        import wandb

        for name in (rows.name, f"{rows.name}-{sha256(repr(rows.columns).encode()).hexdigest()[:4]}"):
            if name not in self._tables:
                made = wandb.Table(columns=list(rows.columns), log_mode="INCREMENTAL", allow_mixed_types=True)
                self._tables[name] = made
            if {*rows.columns} <= {*self._tables[name].columns}:
                break
        return name, self._tables[name]

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
        self._ahead -= 1
        if self._ahead >= 0:
            return False
        if self._had is None:
            self._had = Counter(key for path in self._earlier for _, row in History(path).rows() for key in _keys(row))
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
            **({"url": url} if url else {"where": str(Path(self._run.settings.sync_file).parents[1])}),
            **self._page.ids(),
        }

    def _send_what_is_left(self, first: int) -> None:
        """What a killed process had written into its file, and not uploaded."""
        for left in unsent(self._earlier, first):
            if isinstance(left, Rows):
                self.rows(left)
            else:
                for axis in (name.removesuffix("/step") for name in left if name.endswith("/step") and name != SCORED):
                    self._step_of(axis, [name for name in left if name != TIMESTAMP])
                self._log(left)

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
