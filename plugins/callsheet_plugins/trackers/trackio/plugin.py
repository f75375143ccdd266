"""Settings of `trackio`, and what is wrong with them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from callsheet import setting
from callsheet.tracking import Names, Tracker
from callsheet.tracking.reachable import unreachable
from callsheet_plugins.trackers.trackio import places

if TYPE_CHECKING:
    from callsheet.records import LogContext
    from callsheet.tracking import Sink, TrackedRun


class Trackio(Tracker):
    """Show the run in Trackio: in its folder on this machine, in a Space of Hugging Face, or on a server of your own.

    A project holds the runs of an experiment, and groups of it hold the seeds of an arm. Without `space_id` and
    `server_url`, runs go where `trackio show` looks: TRACKIO_DIR, by default `trackio` in the cache of Hugging Face.
    The token of a server belongs into the environment: TRACKIO_WRITE_TOKEN.
    """

    modules: ClassVar[tuple[str, ...]] = ("trackio",)
    extra: ClassVar[str] = "trackio"
    names: ClassVar[Names] = Names(r"[\x00-\x1f\x7f]|^__", 250)
    reports_to: ClassVar[str] = "trackio"

    project: str | None = setting(None, help="By default the experiment's name.")
    name: str | None = setting(None, help="By default the run's name.")
    group: str | None = setting(None, help="By default the group of repeats or stages that the run belongs to.")
    space_id: str | None = setting(
        None, help="A Space, such as me/runs, which is made if it is not there; by default TRACKIO_SPACE_ID."
    )
    private: bool | None = setting(
        None, help="Whether a Space that is made is private; by default its owner's default."
    )
    server_url: str | None = setting(None, help="A Trackio server; by default TRACKIO_SERVER_URL.")
    dir: str | None = setting(None, help="The folder of local runs; by default TRACKIO_DIR, else where Trackio looks.")
    offline: bool = setting(False, help="Ask no server and write into the run directory: trackers/trackio.")

    def open(self, run: TrackedRun) -> Sink:
        from callsheet_plugins.trackers.trackio.opening import opened

        return opened(self, run)

    def problems(self, ctx: LogContext) -> Iterable[str]:
        project = self.project or os.environ.get("TRACKIO_PROJECT") or ctx.experiment
        yield from places.problems(self, project, os.environ)

    def doubts(self, ctx: LogContext) -> Iterable[str]:
        url = places.chosen(self, os.environ, ctx.run_dir).server_url or ""
        if said := unreachable(url):
            yield f"Trackio's server {url.partition('?')[0]} does not answer: {said}. The run keeps what it logs."
