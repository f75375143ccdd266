"""What a figure carries for curves.js, which draws lines and single runs from it when somebody asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from callsheet_plugins.report.figures.lines.charts import TOGETHER, Arm
from callsheet_plugins.report.figures.lines.packed import packed
from callsheet_plugins.report.figures.lines.placed import Placed
from callsheet_plugins.report.figures.theme import plain


def carried(lines: Sequence[Placed], arms: Sequence[Arm]) -> dict[str, Any]:
    """Of each line its name, arm, set of numbers and rows in it; nothing where all that there is is drawn."""
    if all(len(one.values) == 1 for one in lines) and len(lines) <= TOGETHER:
        return {}
    sets = {one.variant: one for one in lines}
    return {
        "lines": [[plain(one.name), one.line.arm, one.variant, one.rows.start, one.rows.stop] for one in lines],
        "sets": [{**one.axis, **packed(one.bins.mean)} for one in sets.values()],
        "runs": [_run_names(one, arms) for one in lines],
        "is_many": len(lines) > TOGETHER,
    }


def _run_names(one: Placed, arms: Sequence[Arm]) -> list[str]:
    """What tells the runs of a line apart: their seeds, where they do."""
    runs = [arms[one.line.arm].runs[member] for member in one.line.members]
    seeds = {run.seed for run in runs}
    told = None not in seeds and len(seeds) == len(runs)
    return [f"seed {run.seed}" if told else plain(run.label) for run in runs] if len(runs) > 1 else []
