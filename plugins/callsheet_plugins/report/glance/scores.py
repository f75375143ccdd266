"""The last score of each benchmark and metric, from the end of evals.jsonl."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from callsheet.rundir.rundir import EVALS
from callsheet_plugins.report.glance.tails import tail_of
from callsheet_plugins.report.glance.words import as_number
from callsheet_plugins.report.reading.scores import Score, weights_of

MOST = 1 << 18  # bytes of evals.jsonl that are read: its rows may hold the tasks of a large benchmark


def last_scores(run_dir: Path, most: int = MOST) -> dict[str, Score]:
    """By label, the score of the last step; of a step that was scored again, the last row counts."""
    found: dict[str, Score] = {}
    for row in tail_of(run_dir / EVALS, most).rows():
        for score in _scores(row):
            before = found.get(score.label)
            if before is None or score.order >= before.order:
                found[score.label] = score
    return dict(sorted(found.items()))


def _scores(row: Mapping[str, Any]) -> Iterator[Score]:
    name, metrics, step = row.get("name"), row.get("metrics"), row.get("step")
    if not isinstance(name, str) or not isinstance(metrics, dict) or not (step is None or isinstance(step, int)):
        return
    weights, file = weights_of(row), row.get("predictions")
    for metric, value in metrics.items():
        known = math.nan if value is None else as_number(value)
        if known is not None:
            yield Score(name, metric, weights, step, known, predictions=file if isinstance(file, str) else None)
