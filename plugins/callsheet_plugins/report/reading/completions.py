"""What the model said while it trained: the files of `completions/`, read when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import PurePath
from typing import Any

from callsheet.disk.inside import Inside
from callsheet_plugins.report.reading.lines import Log, Say

FOLDER = "completions"
MOST = 10_000  # rows of a step


@dataclass(frozen=True)
class Completions:
    """Of one run. `steps` are those that have a file."""

    inside: Inside
    say: Say
    steps: list[int]

    def rows(self, step: int) -> list[dict[str, Any]]:
        """The rows of a step, oldest first; none where the file is gone."""
        return [*islice(Log(self.inside, f"{FOLDER}/{step}.jsonl", self.say).rows(), MOST)]


def completions(inside: Inside, say: Say) -> Completions:
    """What a run has."""
    try:
        names = [PurePath(name) for name in inside.names(FOLDER)]
    except OSError as error:
        say(f"{FOLDER}/ cannot be read: {error}")
        names = []
    steps = {int(name.stem) for name in names if name.suffix == ".jsonl" and name.stem.isdecimal()}
    return Completions(inside, say, sorted(steps))
