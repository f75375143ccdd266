"""The first page of a project at W&B: a saved view, made once for all runs, beside what the run sends."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from callsheet.errors import first_line
from callsheet.privates.wandb_workspaces import ask, save
from callsheet_plugins.trackers.wandb.charts import Chart, Charts, sections

if TYPE_CHECKING:
    from callsheet.tracking import TrackedRun
    from callsheet_plugins.trackers.wandb.plugin import Wandb

logger = logging.getLogger("callsheet.tracking")

TITLE = "Callsheet"
NAME = "nw-callsheet-v"  # "?nw=callsheet" in the address; one name, so that no run makes a second
LONGEST_WAIT = 5.0  # seconds, after the run's end
MOST_RUNS = 50  # in a chart
VIEWS = """
query Views($entity: String, $project: String, $after: String) {
  project(name: $project, entityName: $entity) {
    allViews(viewType: "project-view", first: 100, after: $after) {
      edges { node { id name displayName createdAt } }
      pageInfo { endCursor hasNextPage }
    }
  }
}
"""
DELETE = "mutation DeleteView($id: ID!) { deleteView(input: {id: $id}) { success } }"


class Page:
    """Found or made by a thread of its own: what fails here is said in the log, once, and fails nothing else.

    A run that has had its page asks no more: one that somebody has deleted does not come back with it.
    """

    def __init__(self, opened: Any, run: TrackedRun, plugin: Wandb) -> None:
        self._project = opened.url.rpartition("/runs/")[0] if opened.url else ""
        self._of = {"entity": opened.entity, "project": opened.project}
        self._run, self._fit = run, plugin.names.fit
        self._longest_wait = min(LONGEST_WAIT, plugin.deadline_seconds / 4)
        known = run.ids.get("page", "")
        self.url = known if self._project and known.startswith(f"{self._project}?") else ""
        self._has_said = False
        self._thread = Thread(target=self._settle, name="page", daemon=True)
        if plugin.page and self._project and not self.url:
            self._thread.start()

    def wait(self) -> None:
        """At the end of a run that was shorter than making the page takes."""
        end = time.monotonic() + self._longest_wait
        while self._thread.is_alive() and time.monotonic() < end:
            time.sleep(0.05)
        if self._thread.is_alive():
            self._say("W&B did not answer before the run's end")

    def ids(self) -> dict[str, str]:
        return {"page": self.url} if self.url else {}

    def _settle(self) -> None:
        try:
            import wandb_workspaces.workspaces  # noqa: F401

            self.url = self._address(self._there() or self._made())
        except ModuleNotFoundError as error:
            self._say(f"{error}. To have one: pip install 'callsheet[wandb]'")
        except Exception as error:
            self._say(f"{type(error).__name__}: {first_line(str(error))}")

    def _say(self, why: str) -> None:
        if not self._has_said:
            self._has_said = True
            logger.warning("No page is made at W&B: %s", why)

    def _there(self) -> dict[str, Any] | None:
        """The page that the project has: the older one, if two runs have made one at once."""
        own = (view for view in self._views() if view.get("name") == NAME or view.get("displayName") == TITLE)
        return min(own, key=lambda view: (view.get("createdAt") or "", view["id"]), default=None)

    def _made(self) -> dict[str, Any]:
        id = save(workspace(sections(self._run.config, self._fit), self._of), NAME)
        first = self._there() or {"id": id, "name": NAME}
        if first["id"] != id and any(view["id"] == id for view in self._views()):
            ask(DELETE, {"id": id})
        return first

    def _views(self) -> Iterator[dict[str, Any]]:
        after = None
        while True:
            project = ask(VIEWS, {**self._of, "after": after}).get("project") or {}
            views = project.get("allViews") or {}
            yield from (edge["node"] for edge in views.get("edges") or ())
            info = views.get("pageInfo") or {}
            if not info.get("hasNextPage") or info.get("endCursor") in (None, after):
                return
            after = info["endCursor"]

    def _address(self, view: Mapping[str, Any]) -> str:
        return f"{self._project}?nw={quote(view['name'].removeprefix('nw-').removesuffix('-v'))}"


def workspace(charts: list[Charts], of: Mapping[str, str]) -> Any:
    """The view as the package has it; below ours, W&B draws every other metric, and arms and seeds fold."""
    from wandb_workspaces import expr, workspaces

    made = [
        workspaces.Section(name=each.name, panels=[_panel(chart) for chart in each.charts], is_open=True)
        for each in charts
    ]
    folded = workspaces.RunsetSettings(groupby=[expr.Metric("Group"), expr.Metric("JobType")])
    settings = workspaces.WorkspaceSettings(max_runs=MOST_RUNS)
    return workspaces.Workspace(
        **of, name=TITLE, sections=made, settings=settings, runset_settings=folded, auto_generate_panels=True
    )


def _panel(chart: Chart) -> Any:
    from wandb_workspaces.reports.v2 import LinePlot

    return LinePlot(title=chart.title, x=chart.x, y=list(chart.y), metric_regex=chart.pattern)
