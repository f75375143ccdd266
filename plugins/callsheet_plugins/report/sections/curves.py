"""Curves: what the runs logged, by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from callsheet_plugins.report.figures import curves, marks
from callsheet_plugins.report.figures.lines import notes
from callsheet_plugins.report.figures.lines.charts import Arm, Chart, arms, charts
from callsheet_plugins.report.figures.lines.highlights import ordered
from callsheet_plugins.report.figures.lines.names import is_housekeeping
from callsheet_plugins.report.figures.lines.room import roomed
from callsheet_plugins.report.page.section import Section

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import plotly.graph_objects as go  # type: ignore[import-untyped]  # plotly ships no types

    from callsheet_plugins.report.gathered import Report

ROWS = 500  # of the table of what has no chart
ALONE, OF_MANY = ("metric", "value"), ("metric", "mean of last values", "least", "most", "runs")


def section(report: Report) -> Section | None:
    """None where no run has logged a number."""
    found = arms(report)
    if not (made := charts(found)):
        return None
    once = [chart for chart in made if is_housekeeping(chart.metric) and _is_once(chart)]
    order = ordered([chart for chart in made if chart not in once], found)
    room = roomed(order.charts)
    rows = [row for chart in [*once, *room.left] for row in notes.long_rows(chart)]
    is_marked = marks.is_marked(found)
    marked = marks.shapes(found) if is_marked else []
    figures = {chart.key: curves.figure(chart, order, most, marked) for chart, most in [*room.opened, *room.folded]}
    return Section(
        "curves",
        "Curves",
        "curves.html.jinja",
        {
            "is_one": len(report.runs) == 1,
            "has_bands": any(arm.is_band for arm in found),
            "order": order,
            "marks": marks.told(found) if is_marked else [],
            "alone": notes.alone(found),
            "opened": [_shown(chart, order.arms, figures) for chart, _ in room.opened],
            "folded": [_shown(chart, order.arms, figures) for chart, _ in room.folded],
            "columns": ALONE if len(report.runs) == 1 else OF_MANY,
            "rows": [row[: len(ALONE)] if len(report.runs) == 1 else row for row in rows[:ROWS]],
            "more_rows": max(len(rows) - ROWS, 0),
            "left": len(room.left),
        },
        figures,
    )


def _is_once(chart: Chart) -> bool:
    """Whether each run has logged it once, as it does with what sums it up."""
    return all(len(series.steps) == 1 for line in chart.lines for series in line.members.values())


def _shown(chart: Chart, arms: Sequence[Arm], figures: Mapping[str, go.Figure]) -> dict[str, Any]:
    """What the template says of a chart."""
    widths = figures[chart.key].layout.meta["curves"]["widths"]
    points = [f"Each point of {variant} is the mean of {width:,} steps." for variant, width in widths.items()]
    gaps = notes.notes(chart, arms)
    is_one = len(arms) == 1 and not arms[0].is_band
    return {
        "key": chart.key,
        "name": chart.name,
        "last": [(row[0], row[1]) for row in notes.rows(chart)] if is_one else [],
        "variants": chart.variants if len(arms) > 1 and len(chart.variants) > 1 else [],
        "notes": [note for note in (notes.only(chart, arms), *points, notes.same(chart, arms), *gaps) if note],
        "has_gaps": bool(gaps),
    }
