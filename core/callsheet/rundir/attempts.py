"""The attempts of a run in `run.json`: every start of it, with its process and how it ended."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from callsheet.distributed.slurm import job_of
from callsheet.rundir.rundir import now

# What a process writes that finds the run unfinished and its lock free: nobody was left to write another word.
KILLED = "killed"
UNSAID = "The process was killed, or its machine failed: it left no word."


def this_one() -> dict[str, Any]:
    """The attempt that begins in this process."""
    job = job_of(os.environ)
    whose = {"pid": os.getpid(), "host": os.uname().nodename, **({"slurm_job": job} if job else {})}
    return {"started": now(), **whose}


def before(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The attempts that `run.json` lists; the last one was killed if it says of itself that it runs."""
    earlier = [*run.get("attempts", ())]
    return ended(earlier, status=KILLED) if run.get("status") == "running" else earlier


def ended(attempts: list[dict[str, Any]], **how: Any) -> list[dict[str, Any]]:
    """`attempts` with the end of the last one."""
    return [*attempts[:-1], {**attempts[-1], **how}] if attempts else attempts


def killed(run: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `run.json` to change when its process is gone and it still says that it runs; else none."""
    if run.get("status") != "running":
        return {}
    outcome = {"status": KILLED, "error": UNSAID, "signal": None, "stopped_by": None}
    return {"status": KILLED, "attempts": before(run), "outcome": outcome}
