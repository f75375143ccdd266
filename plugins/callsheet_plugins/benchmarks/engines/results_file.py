"""The results file that `command` and `exact_match` write, and the one that lm_eval and lighteval do.

{"metrics": {"accuracy": 0.5}, "breakdowns": {"part": {"accuracy": 0.4}}, "predictions": [{"prompt": …, "answer": …}]}
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from callsheet.values import numbers
from callsheet_plugins.benchmarks.engines import files
from callsheet_plugins.benchmarks.engines.contract import Malformed, Scores

PREDICTIONS = "predictions.jsonl"
SHOWN = 5  # of the values that are no number


def read(path: Path) -> Scores:
    """The scores in a results file; raises `Malformed` with what is wrong with it.

    Predictions stand in it, or else one a line in `predictions.jsonl` beside it, where there may be more.
    """
    content = files.json_of(path)
    if not isinstance(content, Mapping) or "metrics" not in content:
        raise Malformed(f'{path.name} holds no object with "metrics", as in {{"metrics": {{"accuracy": 0.5}}}}.')
    metrics, odd = numbers(content["metrics"])
    if not metrics:
        held = ", ".join(f"{name[:100] or 'the whole'} is {what}" for name, what in [*odd.items()][:SHOWN])
        raise Malformed(f'"metrics" of {path.name} must name at least one number; {held or "it is empty"}.')
    predictions = content.get("predictions") or []
    if not isinstance(predictions, list) or not all(isinstance(row, Mapping) for row in predictions):
        odd["predictions"] = "no list of objects"
        predictions = []
    return Scores(metrics, content.get("breakdowns") or {}, predictions or _beside(path), odd)


def tasks(folder: Path) -> tuple[Path, dict[str, Mapping[str, Any]]]:
    """The newest results_*.json, as lm_eval and lighteval write it, and what it says of each task."""
    path = files.newest(folder, "results_*.json")
    content = files.json_of(path)
    found = content.get("results") if isinstance(content, Mapping) else None
    if not isinstance(found, Mapping) or not found:
        raise Malformed(f'{path.name} holds no "results".')
    return path, {str(task): row for task, row in found.items() if isinstance(row, Mapping)}


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _beside(path: Path) -> Iterable[Mapping[str, Any]]:
    rows = path.with_name(PREDICTIONS)
    return files.rows_of(rows) if os.path.lexists(rows) else ()
