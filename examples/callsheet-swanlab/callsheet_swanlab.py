"""Shows a run in SwanLab: a whole tracker, to be copied."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from callsheet import LogContext, setting
from callsheet.tracking import Names, Point, Rows, Sink, TrackedRun, Tracker

WRITTEN_EVERY = 0.5  # seconds; SwanLab has no call that waits until all is written


class SwanLab(Tracker):
    """Log metrics, scores and tables to SwanLab; with `mode=offline`, for `swanlab sync`, and without an account."""

    modules: ClassVar[tuple[str, ...]] = ("swanlab",)
    extra: ClassVar[str] = "swanlab"
    reports_to: ClassVar[str] = "swanlab"
    names: ClassVar[Names] = Names(longest=255)

    mode: str = setting("online", choices=("online", "offline"), help="Send at once, or write files to send later.")
    workspace: str | None = setting(None, help="By default your own.")
    project: str | None = setting(None, help="By default the name of the experiment.")

    def problems(self, ctx: LogContext) -> Iterator[str]:
        known = os.environ.get("SWANLAB_API_KEY") or (Path.home() / ".swanlab" / ".netrc").exists()
        if self.mode == "online" and not known:
            yield "plugins.swanlab needs credentials: set SWANLAB_API_KEY, type `swanlab login`, or use mode=offline."

    def open(self, run: TrackedRun) -> Sink:
        import swanlab  # type: ignore[import-not-found]  # not needed to check this file

        nothing = dict.fromkeys(("hardware", "runtime", "requirements", "git", "monitor"), False)
        place = {"workspace": self.workspace, "project": self.project or run.experiment}
        about = {"group": run.group or run.experiment, "job_type": run.arm, "config": dict(run.config)}
        tags = [] if run.seed is None else [f"seed:{run.seed}"]
        quiet = {"probe": nothing, "terminal": {"proxy_type": "none"}, "core": {"record_interval": WRITTEN_EVERY}}
        found = swanlab.init(
            **(
                place | about | {"mode": self.mode, "name": run.name, "id": run.run_id, "resume": "allow", "tags": tags}
            ),
            log_dir=str(run.folder),
            settings=swanlab.Settings(interactive=False, **quiet),
        )
        return SwanLabSink(found)


class SwanLabSink(Sink):
    """One run. A process that is killed may lose what SwanLab has not written for half a second."""

    def __init__(self, run: Any) -> None:
        self.run = run

    def point(self, point: Point) -> None:
        self.run.log(dict(point.values), step=point.step)

    def rows(self, rows: Rows) -> None:
        text = "\n\n".join("\n".join(map("{}: {}".format, rows.columns, row)) for row in rows.rows)
        self.run.log_text(key=rows.name, data=text, step=rows.step)

    def flush(self) -> None:
        time.sleep(2 * WRITTEN_EVERY)

    def end(self, status: str, summary: Mapping[str, Any]) -> None:
        state = "success" if status in ("completed", "stopped") else "crashed"
        self.run.finish(state, error=str(summary.get("error") or status))

    def close(self) -> None:
        self.run.finish()

    def ids(self) -> dict[str, str]:
        return {"run_id": self.run.id, "where": self.run.url if self.run.mode == "online" else str(self.run.dir)}
