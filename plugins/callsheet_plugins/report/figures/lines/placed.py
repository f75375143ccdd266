"""The lines of a chart with their numbers: each on the bins of its variant, which every arm shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from callsheet_plugins.report.figures.lines.bins import Binned, Floats, binned
from callsheet_plugins.report.figures.lines.charts import Arm, Chart, Line


@dataclass(frozen=True, eq=False)
class Placed:
    """A line, its `name` in the chart, and the `rows` of `bins` that its runs are.

    `variant` is the place of its variant among those of the chart, `measured` the same without regard to whose weights.
    """

    line: Line
    name: str
    variant: int
    measured: int
    bins: Binned
    rows: slice

    @property
    def values(self) -> Floats:
        """A row for each run."""
        return self.bins.mean[self.rows]

    @property
    def axis(self) -> dict[str, Any]:
        """The steps for plotly: the first and their distance where they are regular, which takes no room."""
        x = self.bins.x
        if len(x) > 1 and np.allclose(np.diff(x), x[1] - x[0], rtol=1e-9, atol=0):
            return {"x0": float(x[0]), "dx": float(x[1] - x[0])}
        return {"x": x.astype(np.int32) if len(x) and abs(x).max() < 2**31 else x}


def placed(chart: Chart, arms: Sequence[Arm], most: int) -> list[Placed]:
    """Every line of `chart`, on at most `most` bins for each variant."""
    found, measured = [], list(dict.fromkeys(line.named.variant for line in chart.lines))
    for place, variant in enumerate(chart.variants):
        lines = [line for line in chart.lines if line.named.line == variant]
        members = [series for line in lines for series in line.members.values()]
        bins, start = binned([(series.steps, series.values) for series in members], most), 0
        for line in lines:
            rows = slice(start, start + len(line.members))
            found.append(Placed(line, _name(chart, line, arms), place, measured.index(line.named.variant), bins, rows))
            start = rows.stop
    return found


def _name(chart: Chart, line: Line, arms: Sequence[Arm]) -> str:
    """What tells the line from the others of its chart."""
    if len(arms) == 1:
        return line.named.line
    name = arms[line.arm].name
    return f"{name}, {line.named.line}" if len(chart.variants) > 1 else name
