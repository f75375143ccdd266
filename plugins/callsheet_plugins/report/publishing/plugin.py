"""The plugin: it has the page of a run written when the run is over."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from callsheet import Plugin, hookimpl, setting
from callsheet.disk.standing import short
from callsheet.hooks import plugin_name
from callsheet.secrets import redact_text
from callsheet.session.going_on import shell
from callsheet_plugins.report.page.writing import NAME

if TYPE_CHECKING:
    from callsheet.records import LogContext, RunResult

logger = logging.getLogger("callsheet")

NICENESS = 10
AFTER_A_SIGNAL = 10.0  # seconds
MODULE = "callsheet_plugins.report.publishing"


class ReportPage(Plugin):
    """Write report.html into the run directory when the run is over: one page that shows all that it recorded.

    It opens in any browser, without a network. The summary of the run ends with its address. A process of its own
    writes it, in about a second, after the outbox was waited for; a run that was killed has none, and
    `callsheet report RUN` writes one at any time. The charts need the package plotly: pip install 'callsheet[report]'.
    Without it the summary says so, and nothing fails.
    """

    timeout_seconds: float = setting(60, gt=0, help="Give up the page after this many seconds.")

    def reports(self) -> list[str]:
        return []

    @hookimpl(trylast=True)  # so that its remark is the last
    def on_run_closed(self, ctx: LogContext, run_result: RunResult) -> None:
        again = shell("callsheet", "report", short(ctx.run_dir))
        if not find_spec("plotly"):
            said = f"needs the package plotly: pip install 'callsheet[report]', then {again}"
        elif why := self._write(ctx.run_dir, self._patience(run_result)):
            logger.warning("%s is not written: %s To try again: %s", NAME, why, again)
            return
        else:
            said = f"wrote {(ctx.run_dir / NAME).absolute().as_uri()}"
        ctx.remarks.pop(plugin_name(self), None)
        ctx.remarks[plugin_name(self)] = said

    def _patience(self, run_result: RunResult) -> float:
        """After a signal, whoever sent it kills before long."""
        return min(self.timeout_seconds, AFTER_A_SIGNAL) if run_result.status == "interrupted" else self.timeout_seconds

    def _write(self, run_dir: Path, seconds: float) -> str:
        """Have the page written within so many seconds; returns why that did not work, or an empty string."""
        process = subprocess.Popen(
            [sys.executable, "-m", MODULE, str(run_dir)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            # A folder of the user's called `plotly` or `queue` must not stand in for a module.
            env={**os.environ, "PYTHONSAFEPATH": "1"},
        )
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
        with process:
            try:
                _, said = process.communicate(timeout=seconds)
            except BaseException as error:
                process.kill()
                if not isinstance(error, subprocess.TimeoutExpired):
                    raise
                return f"it took longer than {seconds:g} seconds."
        return redact_text(_why(said)) if process.returncode else ""


def _why(said: str) -> str:
    """The last line, which of a traceback is the error."""
    last = (said.strip().splitlines() or ["its process was killed"])[-1].strip()
    return last if last.endswith(".") else f"{last}."
