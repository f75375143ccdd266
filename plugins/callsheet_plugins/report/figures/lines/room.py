"""How much of the page the curves take: which charts are open, how fine each is, and which are left to a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from callsheet_plugins.report.figures.lines.charts import Chart
from callsheet_plugins.report.figures.lines.names import rank

POINTS = 150_000  # numbers of the whole section, in two to four bytes each, a third more as text
OPEN_SHARE = 0.6
EACH, FEWEST = 300, 16  # points of a line
OPEN, CHARTS = 4, 100


@dataclass(frozen=True)
class Room:
    """Charts with the points that a line of each may have, the open ones and the folded ones; `left` have no room."""

    opened: Sequence[tuple[Chart, int]]
    folded: Sequence[tuple[Chart, int]]
    left: Sequence[Chart]


def roomed(charts: Sequence[Chart]) -> Room:
    """Share the room: `charts` come in the order of their importance, and the last ones are left out first."""
    first = [chart for chart in charts if chart.is_wanted or rank(chart.metric)[0] == 0][:OPEN] or list(charts[:1])
    others = [chart for chart in charts if chart not in first]
    fine = _points(OPEN_SHARE * POINTS, first)
    room = POINTS - _taken(fine, first)
    kept = others[: CHARTS - len(first)]
    while kept and _taken(FEWEST, kept) > room:
        kept = kept[:-1]
    coarse = _points(room, kept)
    return Room([(chart, fine) for chart in first], [(chart, coarse) for chart in kept], others[len(kept) :])


def _points(room: float, charts: Sequence[Chart]) -> int:
    """As many points for each line as there is room for."""
    return max((points for points in range(FEWEST, EACH + 1) if _taken(points, charts) <= room), default=FEWEST)


def _taken(points: int, charts: Sequence[Chart]) -> int:
    """How many numbers they take with so many points for a line; a short series takes no more than it has."""
    return sum(chart.size * min(points, chart.longest) for chart in charts)
