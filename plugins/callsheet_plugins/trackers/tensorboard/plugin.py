"""Writes the run as event files of TensorBoard."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from callsheet import setting
from callsheet.disk.names import file_name
from callsheet.tracking import Names, Tracker

FOLDER = re.compile(r"[^/\\\x00-\x1f.-][^/\\\x00-\x1f]{0,99}")

if TYPE_CHECKING:
    from callsheet import LogContext
    from callsheet.tracking import Sink, TrackedRun


class Tensorboard(Tracker):
    """Write metrics, scores, completions and predictions as event files: `tensorboard --logdir outputs` shows them.

    Without `logdir`, the files lie in the run directory, under `trackers/tensorboard`, and move with it. With it, they
    lie in `logdir/EXPERIMENT/ARM/RUN`, where arms and seeds fold; a plain run has no ARM. Nothing needs a network.

    The page "Custom Scalars" has the charts that people look at first; "HParams" compares the settings of runs, and
    folds the seeds of an arm. A resumed run, and a score that comes late, add a file: no event is written twice.
    """

    modules = ("tensorboard",)
    extra = "tensorboard"
    names = Names(r"[\x00-\x1f\x7f]", 500)
    reports_to = "tensorboard"

    logdir: str | None = setting(
        None, help="A folder for several runs; a relative one begins where the run was started."
    )

    def problems(self, ctx: LogContext) -> Iterable[str]:
        if self.logdir is not None and not self.logdir.strip():
            yield "plugins.tensorboard.logdir is empty. Name a folder, or leave it out for the run directory."
        elif self.logdir and "://" in self.logdir:
            yield (
                f"plugins.tensorboard.logdir={self.logdir} is no folder. Event files are written to a folder; "
                "copy them to a store when the run is over."
            )
        elif self.logdir and (stands := _no_folder(Path(self.logdir).expanduser())):
            yield f"plugins.tensorboard.logdir: {stands} is no folder."

    def open(self, run: TrackedRun) -> Sink:
        from callsheet_plugins.trackers.tensorboard.sink import EventFiles

        return EventFiles(run, self._folder(run))

    def _folder(self, run: TrackedRun) -> Path:
        if not self.logdir:
            return run.folder
        parts = [run.experiment, run.arm or run.group, run.name]
        return (run.cwd / Path(self.logdir).expanduser()).joinpath(*(_folder_name(part) for part in parts if part))


def _folder_name(part: str) -> str:
    """`part` as it is, if a folder may be called so: TensorBoard shows runs by their folders."""
    return part if FOLDER.fullmatch(part) else file_name(part)


def _no_folder(path: Path) -> Path | None:
    """What stands where a folder would have to be; None if one is there, or can be made."""
    nearest = next((each for each in (path, *path.parents) if each.exists()), path)
    return None if nearest.is_dir() or (nearest == path and not path.exists()) else nearest
