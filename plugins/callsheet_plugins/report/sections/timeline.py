"""The section of times: a run's attempts, and how its checkpoints were saved, published and scored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from callsheet_plugins.report.figures import timeline
from callsheet_plugins.report.layouts.times import ATTEMPTS, RUNS, STAGES, clock_of, run_row, told
from callsheet_plugins.report.moments.lanes import Lane
from callsheet_plugins.report.moments.stages import some, stages
from callsheet_plugins.report.moments.starts import starts
from callsheet_plugins.report.page.section import Section
from callsheet_plugins.report.telling.times import day_of

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import Report

MOST_ROWS = 200  # of checkpoints of one run
MOST_FOLDS = 20  # runs with a table of their own
MOST_IN_FOLD = 40
MOST_RUNS = 200  # rows of the table
MOST_LANES = 40  # rows of the chart
MOST_POINTS = 1_500  # checkpoints in the chart


def section(report: Report) -> Section | None:
    lanes = [Lane(run.label, starts(run), stages(run)) for run in report.runs]
    known = [lane for lane in lanes if lane.starts or lane.stages]
    if not known:
        return None
    drawn, is_one = known[:MOST_LANES], len(lanes) == 1
    day = day_of(time for lane in known for start in lane.starts for time in (start.started, start.ended))
    values = {
        "is_one": is_one,
        "day": day,
        "runs": [] if is_one else [run_row(lane, clock_of(day)) for lane in known[:MOST_RUNS]],
        "told": [told(lane, MOST_ROWS if is_one else MOST_IN_FOLD) for lane in known[:MOST_FOLDS]],
        "columns": {"attempts": ATTEMPTS, "runs": RUNS, "stages": STAGES},
        "runs_left_out": max(0, len(known) - MOST_RUNS),
        "lanes_left_out": len(known) - len(drawn),
        "folds_left_out": max(0, len(known) - MOST_FOLDS),
    }
    thinned = [_thinned(lane, MOST_POINTS // len(drawn)) for lane in drawn]
    chart = timeline.figure(thinned)
    values["points_left_out"] = _size(drawn) - _size(thinned)
    return Section("timeline", "Timeline", "timeline.html.jinja", values, {"timeline": chart} if chart.data else {})


def _size(lanes: Sequence[Lane]) -> int:
    return sum(len(lane.stages) for lane in lanes)


def _thinned(lane: Lane, most: int) -> Lane:
    return Lane(lane.label, lane.starts[-most:], some(lane.stages, most))
