"""A run of a table, for programs: all that `callsheet runs --json` prints of it."""

from __future__ import annotations

import time
from typing import Any

from callsheet.screen import cut
from callsheet_plugins.report.glance.finding import Columns
from callsheet_plugins.report.glance.look import Glance
from callsheet_plugins.report.glance.metrics import is_greater_better


def record(columns: Columns, glance: Glance) -> dict[str, Any]:
    """All about one run, for programs."""
    metric = columns.metric if glance.logged.last(columns.metric) else glance.metric
    greater = is_greater_better(glance.run, metric)
    best = None if greater is None else glance.best(metric, greater)
    differing = {column.name: column.value(glance) for column in columns.settings()}
    return {
        "run": glance.label,
        "run_dir": str(glance.path),
        "state": glance.state,
        "why": cut(glance.why),
        "experiment": glance.run.get("experiment"),
        "arm": dict(glance.arm) or None,
        "settings": differing,
        "step": glance.step,
        "steps": glance.steps,
        "metric": metric or None,
        "last": vars(found) if (found := glance.logged.last(metric)) else None,
        "best": {**vars(best), "greater_is_better": greater} if best else None,
        "metrics": {name: vars(glance.logged.last(name)) for name in glance.logged.names},
        "scores": {label: {"step": score.step, "value": score.value} for label, score in glance.scores.items()},
        "size": glance.size.count,
        "size_is_whole": glance.size.is_whole,
        "metrics_are_whole": glance.logged.tail.is_whole,
        "started": glance.run.get("started"),
        "ended": glance.run.get("ended"),
        "age": time.time() - glance.started if glance.started else None,
        "written": glance.written,
    }
