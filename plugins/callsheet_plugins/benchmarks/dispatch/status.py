"""What a job's runner wrote of it, read so that a network file system tells what is new; and how a job is named."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callsheet_plugins.benchmarks.dispatch.attempts import read
from callsheet_plugins.benchmarks.dispatch.contract import STATUS

LONGEST_NAME = 120
LONGEST_ERROR = 1000
END_OF_TIME = 1e12  # seconds


@dataclass(frozen=True)
class Process:
    """A process on the job's machine; `born` tells it from a later one of the same number."""

    pid: int = 0
    born: str = ""


@dataclass(frozen=True)
class Status:
    """What the runner wrote last; `state` is empty while it has written nothing. Times are seconds since 1970."""

    state: str = ""
    exit_code: int | None = None
    error: str = ""
    job: str = ""  # its number, where Slurm started it
    host: str = ""
    runner: Process = Process()
    engine: Process = Process()
    started_at: float = 0.0
    ended_at: float = 0.0
    beat: float = 0.0

    @property
    def ended_by_itself(self) -> bool:
        """Whether nothing outside the job had to do with its end, as far as the runner could tell."""
        killed = self.state == "failed" and (self.exit_code or 0) < 0
        return self.state in ("succeeded", "failed", "timed_out") and not killed

    @property
    def ended(self) -> bool:
        return self.state not in ("", "running")


def status_of(folder: Path) -> Status:
    """What `status.json` of the attempt in `folder` says, or an empty status where there is none that can be read."""
    with suppress(OSError):
        os.listdir(folder)  # opening a folder is what makes NFS look for names that it believed absent
    content = read(folder / STATUS)
    return _status(content) if isinstance(content, dict) else Status()


def _status(content: dict[str, Any]) -> Status:
    code = content.get("exit_code")
    return Status(
        state=str(content.get("state", ""))[:LONGEST_NAME],
        exit_code=code if isinstance(code, int) and abs(code) < 1 << 31 else None,
        error=str(content.get("error") or "")[:LONGEST_ERROR],
        job=str(content.get("slurm_job_id") or "")[:LONGEST_NAME],
        host=str(content.get("host", "")),
        runner=_process(content),
        engine=_process(content.get("engine")),
        started_at=_time(content.get("started")),
        ended_at=_time(content.get("ended")),
        beat=_time(content.get("beat")),
    )


def _process(content: Any) -> Process:
    content = content if isinstance(content, dict) else {}
    pid = content.get("pid")
    return Process(pid if isinstance(pid, int) and 0 < pid < 1 << 31 else 0, str(content.get("born") or ""))


def _time(value: Any) -> float:
    is_time = isinstance(value, (int, float)) and 0 <= value < END_OF_TIME
    return float(value) if is_time else 0.0


def job_name(name: str) -> str:
    """An attempt's name as every command of Slurm's hands it back.

    >>> job_name("gsm8k checkpoint-100|1")
    'gsm8k-checkpoint-100-1'
    """
    return re.sub(r"[^A-Za-z0-9_.+-]+", "-", name)[:LONGEST_NAME]
