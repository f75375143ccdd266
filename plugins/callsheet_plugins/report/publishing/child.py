"""The process that writes the page: niced, with an end to its time, and nothing of it reaches the run."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from callsheet.secrets import redact_text

NICENESS = 10
MODULE = "callsheet_plugins.report.publishing"


@dataclass(frozen=True)
class Done:
    """Where the page was published, if it was, or why it was not made."""

    url: str = ""
    fault: str = ""


def written(run_dir: Path, patience: float, publish_seconds: float | None = None) -> Done:
    """Have the page of `run_dir` written within `patience` seconds, and published within others, if they are given."""
    process = subprocess.Popen(
        [sys.executable, "-m", MODULE, str(run_dir), *([] if publish_seconds is None else [str(publish_seconds)])],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        # A folder of the user's called `plotly` or `queue` must not stand in for a module.
        env={**os.environ, "PYTHONSAFEPATH": "1"},
    )
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
    seconds = patience + (publish_seconds or 0.0)
    with process:
        try:
            url, said = process.communicate(timeout=seconds)
        except BaseException as error:
            process.kill()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            return Done(fault=f"it took longer than {seconds:g} seconds.")
    return Done(fault=redact_text(_why(said))) if process.returncode else Done(url=url.strip())


def _why(said: str) -> str:
    """The last line, which of a traceback is the error."""
    last = (said.strip().splitlines() or ["its process was killed"])[-1].strip()
    return last if last.endswith(".") else f"{last}."
