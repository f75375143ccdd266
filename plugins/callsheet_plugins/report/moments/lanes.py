"""The times of a run: its attempts, and its checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from callsheet_plugins.report.moments.stages import Stage
from callsheet_plugins.report.moments.starts import Start


@dataclass(frozen=True)
class Lane:
    """A run, and what of it is shown."""

    label: str
    starts: Sequence[Start]
    stages: Sequence[Stage]
