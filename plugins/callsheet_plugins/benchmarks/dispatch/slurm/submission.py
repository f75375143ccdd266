"""What an attempt's folder says of its job; read so that a network file system tells what is new."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from callsheet.rundir import atomic
from callsheet_plugins.benchmarks.dispatch.attempts import read
from callsheet_plugins.benchmarks.dispatch.contract import run_of

SUBMISSION = "slurm.json"
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
    content = read(folder / SUBMISSION)
    try:
        found = Submission(**content) if isinstance(content, dict) else None
    except TypeError:  # it has fields of another kind of file
        return None
    is_whole = (
        found and isinstance(found.at, (int, float)) and {type(found.name), type(found.folder), type(found.id)} == {str}
    )
    return found if is_whole else None
