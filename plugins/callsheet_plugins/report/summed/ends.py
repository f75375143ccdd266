"""Why runs ended that did not take all their steps, and what is known of those that may have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callsheet_plugins.report.summed.rows import KINDS
from callsheet_plugins.report.telling.visible import in_line

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import RunData

GOOD = ("completed", "alive", "unreadable")  # what is unreadable stands among the faults
MOST = 50
LONGEST = 600  # characters of why


@dataclass(frozen=True)
class End:
    run: str
    state: str
    kind: str
    why: str


@dataclass(frozen=True)
class Ends:
    """Of several runs; `more` is how many are left out."""

    told: Sequence[End]
    more: int


def ends(runs: Sequence[RunData]) -> Ends:
    """Failed ones first."""
    found = [run for run in runs if run.state not in GOOD and run.why]
    found.sort(key=lambda run: KINDS.get(run.state) != "bad")
    told = [
        End(in_line(run.label), run.state, KINDS.get(run.state, "quiet"), in_line(run.why, LONGEST)) for run in found
    ]
    return Ends(told[:MOST], max(len(told) - MOST, 0))
