"""The last score of each benchmark and metric, from the end of evals.jsonl."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from callsheet.results import RAW
from callsheet.rundir.rundir import EVALS
from callsheet_plugins.report.glance.tails import tail_of
from callsheet_plugins.report.glance.words import as_number
from callsheet_plugins.report.reading.scores import Score

MOST = 1 << 18  # bytes of evals.jsonl that are read: its rows may hold the tasks of a large benchmark


def label_of(score: Score) -> str:
    """What a user types, such as `gsm8k.exact_match`, or `gsm8k.exact_match@bema`."""
    return f"{score.benchmark}.{score.metric}{'' if score.weights == RAW else f'@{score.weights}'}"


def last_scores(run_dir: Path, most: int = MOST) -> dict[str, Score]:
    """By label, the score of the last step; of a step that was scored again, the last row counts."""
    found: dict[str, Score] = {}
    for row in tail_of(run_dir / EVALS, most).rows():
        for score in _scores(row):
            label = label_of(score)
            if label not in found or _order(score) >= _order(found[label]):
                found[label] = score
    return dict(sorted(found.items()))


def _scores(row: Mapping[str, Any]) -> Iterator[Score]:
    name, metrics, step = row.get("name"), row.get("metrics"), row.get("step")
    if not isinstance(name, str) or not isinstance(metrics, dict) or not (step is None or isinstance(step, int)):
        return
    tags = row.get("tags")
    weights = row.get("weights") or (tags.get("weights") if isinstance(tags, dict) else None) or RAW
    file = row.get("predictions")
    for metric, value in metrics.items():
        known = math.nan if value is None else as_number(value)
        if known is not None:
            yield Score(name, metric, str(weights), step, known, predictions=file if isinstance(file, str) else None)


def _order(score: Score) -> float:
    """A score without a step is that of the final model."""
    return math.inf if score.step is None else score.step
