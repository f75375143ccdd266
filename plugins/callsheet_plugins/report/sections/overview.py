"""The first section: what the runs are, how each stands, what experiments showed, and what could not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.errors import counted
from callsheet_plugins.report.page.section import Section
from callsheet_plugins.report.summed import ends, faults, one, rows, verdicts

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import Report


def section(report: Report) -> Section | None:
    """Always there: a report has a run."""
    alone = report.runs[0] if len(report.runs) == 1 else None
    return Section(
        "overview",
        "Overview",
        "overview.html.jinja",
        {
            "runs": counted(len(report.runs), "run", form=","),
            "verdicts": [verdicts.verdict(summary) for summary in report.experiments],
            "one": one.facts(alone) if alone else [],
            "state": (alone.state, rows.KINDS.get(alone.state, "quiet")) if alone else None,
            "going_on": one.going_on(alone) if alone else ("", []),
            "table": None if alone else rows.table(report.runs),
            "ends": None if alone else ends.ends(report.runs),
            "faults": faults.faults(report),
        },
    )
