"""The plugin: it has the page of a run written when the run is over."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import TYPE_CHECKING

from callsheet import Plugin, hookimpl, setting
from callsheet.disk.standing import short
from callsheet.hooks import plugin_name
from callsheet.session.going_on import shell
from callsheet_plugins.report.page.writing import NAME
from callsheet_plugins.report.publishing.child import Done, written

if TYPE_CHECKING:
    from callsheet.records import LogContext, PreflightReport, RunResult

logger = logging.getLogger("callsheet")

AFTER_A_SIGNAL = 10.0  # seconds
PLOTLY = "plotly"
MISSING = "needs the package plotly: pip install 'callsheet[report]'"


class ReportPage(Plugin):
    """Write report.html into the run directory when the run is over: one page that shows all that it recorded.

    It opens in any browser, without a network. The summary of the run ends with its address. A process of its own
    writes it, in about a second, after the outbox was waited for; a run that was killed has none, and
    `callsheet report RUN` writes one at any time. The charts need the package plotly: pip install 'callsheet[report]'.
    Without it the summary says so, and nothing fails.
    """

    timeout_seconds: float = setting(60, gt=0, help="Give up the page after this many seconds.")
    push: bool = setting(False, help="Also put the page beside the newest revision of the run, through its outbox.")

    def reports(self) -> list[str]:
        return []

    @hookimpl
    def preflight(self, ctx: LogContext, report: PreflightReport) -> None:
        if self.push and not ctx.publishes:
            report.problem(
                "plugins.report.push=true needs a revision to put the page beside. Add +plugins=hub_revisions."
            )
        if self.push and not find_spec(PLOTLY):
            report.problem(f"plugins.report.push=true {MISSING}.")

    @hookimpl(trylast=True)  # so that its remark is the last
    def on_run_closed(self, ctx: LogContext, run_result: RunResult) -> None:
        again = shell("callsheet", "report", short(ctx.run_dir))
        if not find_spec(PLOTLY):
            self._remark(ctx, f"{MISSING}, then {again}")
            return
        done = self._write(ctx, run_result)
        if done.fault:
            logger.warning("%s: %s To try again: %s", NAME, done.fault, again + (" --publish" if self.push else ""))
        else:
            published = f", and published it: {done.url}" if done.url else ""
            self._remark(ctx, f"wrote {(ctx.run_dir / NAME).absolute().as_uri()}{published}")

    def _remark(self, ctx: LogContext, said: str) -> None:
        """Leave `said` as the last of all remarks."""
        ctx.remarks.pop(plugin_name(self), None)
        ctx.remarks[plugin_name(self)] = said

    def _write(self, ctx: LogContext, run_result: RunResult) -> Done:
        """Have the page written, and published where it is to be."""
        in_a_hurry = run_result.status == "interrupted"  # whoever sent the signal kills before long
        patience = min(self.timeout_seconds, AFTER_A_SIGNAL) if in_a_hurry else self.timeout_seconds
        waits = (ctx.run_config.get("outbox") or {}).get("deadline_seconds", 600.0)
        seconds = 0.0 if in_a_hurry else float(waits)
        return written(ctx.run_dir, patience, seconds if self.push else None)
