"""What the model said while it trained: the files of `completions/`, read when they are asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import Any

from callsheet.disk import os_errors
from callsheet.disk.inside import Inside
from callsheet_plugins.report.reading.lines import Log, Say

FOLDER = "completions"
OF_A_STEP = re.compile(r"(0|[1-9]\d{0,14})\.jsonl", re.A)
MOST, MOST_BYTES = 10_000, 64 << 20  # rows of a step, and bytes


@dataclass(frozen=True)
class Completions:
    """Of one run. `steps` are those that have a file."""

    inside: Inside
    say: Say
    steps: list[int]

    def rows(self, step: int) -> list[dict[str, Any]]:
        """The rows of a step, oldest first; none where the file is gone."""
        name = f"{FOLDER}/{step}.jsonl"
        rows = Log(self.inside, name, self.say, MOST_BYTES).rows()
        found = [*islice(rows, MOST)]
        if next(rows, None) is not None:
            self.say(f"{name} has more than {MOST:,} rows; the others were not read.")
        return found


def completions(inside: Inside, say: Say) -> Completions:
    """What a run has."""
    try:
        names = inside.names(FOLDER)
    except OSError as error:
        say(os_errors.said(error, inside.root / FOLDER))
        names = []
    return Completions(inside, say, sorted(int(found[1]) for name in names if (found := OF_A_STEP.fullmatch(name))))
