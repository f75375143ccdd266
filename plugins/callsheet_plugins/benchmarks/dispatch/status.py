"""What a job's runner wrote of it, read so that a network file system tells what is new; and how a job is named."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from callsheet_plugins.benchmarks.dispatch.contract import STATUS

LONGEST_NAME = 120


@dataclass(frozen=True)
class Status:
    """What the runner wrote last; `state` is empty while it has written nothing."""

    state: str = ""
    exit_code: int | None = None
    job: str = ""
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
    os.listdir(folder)  # opening a folder is what makes NFS look for names that it believed absent
    try:
        content = json.loads((folder / STATUS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Status()
    job, code = content.get("slurm_job_id"), content.get("exit_code")
    return Status(str(content.get("state", "")), code, str(job or ""), float(content.get("beat") or 0.0))


def job_name(name: str) -> str:
    """An attempt's name as every command of Slurm's hands it back.

    >>> job_name("gsm8k checkpoint-100|1")
    'gsm8k-checkpoint-100-1'
    """
    return re.sub(r"[^A-Za-z0-9_.+-]+", "-", name)[:LONGEST_NAME]
