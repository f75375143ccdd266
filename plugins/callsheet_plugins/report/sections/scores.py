"""Scores: who won, every score over the checkpoints of runs, and how sure each is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.errors import counted
from callsheet_plugins.report.page.section import Section
from callsheet_plugins.report.scored import over, table
from callsheet_plugins.report.scored.answered import Answers
from callsheet_plugins.report.scored.metrics import MOST_PARTS, indexed, parts_of
from callsheet_plugins.report.scored.verdict import COLUMNS, OTHERS, verdict

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import Report

SIDE_BY_SIDE = (
    "These runs are no experiment: their scores stand side by side, and compare no methods. "
    "That takes several seeds of each: see callsheet experiment."
)


def section(report: Report) -> Section | None:
    """None where nothing was scored."""
    found, answers = indexed(report), Answers()
    judged = [verdict(summary, place, found, answers) for place, summary in enumerate(report.experiments)]
    if not found and not judged:
        return None
    charts = over.charts(found, report, answers)
    rows, total = table.rows(found, answers)
    figures = {f"over {chart.metric}": chart.figure for chart in charts}
    for each in judged:
        figures |= each.figures
    return Section(
        "scores",
        "Scores",
        "scores.html.jinja",
        {
            "judged": judged,
            "charts": charts,
            "metrics": [(f"over {chart.metric}", chart.metric) for chart in charts],
            "rows": rows,
            "columns": table.COLUMNS,
            "notes": [*_notes(report, rows=len(rows), total=total, charts=len(charts), metrics=len(found))],
            "arm_columns": COLUMNS,
            "other_columns": OTHERS,
        },
        figures,
    )


def _notes(report: Report, *, rows: int, total: int, charts: int, metrics: int) -> list[str]:
    scored = {run.path for run in report.runs if run.scores and not run.experiment_id}
    notes = [SIDE_BY_SIDE] if len(scored) > 1 else []
    if (parts := parts_of(report)) > MOST_PARTS:
        notes.append(f"Scores of single tasks are left out, since they are {parts:,} numbers; evals.jsonl has them.")
    if charts < metrics:
        notes.append(f"{counted(charts, 'metric')} of {metrics:,} have a chart, the important ones.")
    if rows < total:
        notes.append(f"The table shows {rows:,} of {total:,} rows; each run's evals.jsonl has all of its scores.")
    return notes
