"""How much of the page the curves take: which charts are open, how fine each is, and which are left to a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from callsheet_plugins.report.figures.lines.charts import Chart
from callsheet_plugins.report.figures.lines.names import rank

POINTS = 240_000  # numbers of the whole section, in two to four bytes each, a third more as text
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
    room = POINTS - fine * _series(first)
    kept = others[: CHARTS - len(first)]
    while kept and FEWEST * _series(kept) > room:
        kept = kept[:-1]
    coarse = _points(room, kept)
    return Room([(chart, fine) for chart in first], [(chart, coarse) for chart in kept], others[len(kept) :])


def _points(room: float, charts: Sequence[Chart]) -> int:
    return int(min(EACH, max(FEWEST, room / max(_series(charts), 1))))


def _series(charts: Sequence[Chart]) -> int:
    return sum(len(line.members) for chart in charts for line in chart.lines)
