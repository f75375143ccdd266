"""The completions of several runs at their last step, so that runs can stand beside each other as steps do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from callsheet_plugins.report.sampled.choosing import Kept

ROLLOUTS = "rollouts"  # their prompts differ from run to run


@dataclass(frozen=True)
class Beside:
    """Of each run what it said last; the place of a run stands for a step."""

    runs: Sequence[Kept]

    @property
    def steps(self) -> Sequence[int]:
        return range(len(self.runs))

    def rows(self, step: int) -> Sequence[Mapping[str, Any]]:
        kept = self.runs[step]
        return [row for row in kept.rows(max(kept.steps)) if row.get("source") != ROLLOUTS]
