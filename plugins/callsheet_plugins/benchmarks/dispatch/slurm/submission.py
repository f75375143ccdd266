"""What an attempt's folder says of its job; read so that a network file system tells what is new."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from callsheet.disk import typed
from callsheet.disk.typed import Malformed
from callsheet.rundir import atomic
from callsheet_plugins.benchmarks.dispatch.contract import run_of

SUBMISSION = "slurm.json"
LONGEST = 1 << 16  # bytes
TAKEN = "taken"  # the runner's: it has begun


@dataclass(frozen=True)
class Submission:
    """Under which name and from where a job was submitted, or was about to be; `id` is its number, once it is known.

    It is found by these, also where its folder has another path by now.
    """

    name: str
    folder: str
    at: float
    id: str = ""

    def write(self, folder: Path) -> None:
        atomic.write(folder / SUBMISSION, json.dumps(asdict(self)) + "\n", run_of(folder).root)


def submission_of(folder: Path) -> Submission | None:
    with suppress(OSError, Malformed):
        return typed.read(folder / SUBMISSION, Submission, limit=LONGEST)
    return None
