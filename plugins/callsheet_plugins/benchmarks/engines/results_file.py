"""The results file that `command` and `exact_match` write, and how every engine's files are read.

{"metrics": {"accuracy": 0.5}, "breakdowns": {"part": {"accuracy": 0.4}}, "predictions": [{"prompt": …, "answer": …}]}
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from callsheet.errors import first_line
from callsheet.values import numbers
from callsheet_plugins.benchmarks.engines.contract import Malformed, Scores


def read(path: Path) -> Scores:
    """The scores in a results file; raises `Malformed` with what is wrong with it."""
    content = load(path)
    if not isinstance(content, Mapping) or "metrics" not in content:
        raise Malformed(f'{path.name} holds no object with "metrics", as in {{"metrics": {{"accuracy": 0.5}}}}.')
    metrics, odd = numbers(content["metrics"])
    if not metrics:
        held = ", ".join(f"{name or 'the whole'} is {what}" for name, what in odd.items())
        raise Malformed(f'"metrics" of {path.name} must name at least one number; {held or "it is empty"}.')
    predictions = content.get("predictions") or []
    if not isinstance(predictions, list) or not all(isinstance(row, Mapping) for row in predictions):
        odd["predictions"] = "no list of objects"
        predictions = []
    return Scores(metrics, content.get("breakdowns") or {}, predictions, odd)


def load(path: Path) -> Any:
    """The JSON in a file; raises `Malformed`."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Malformed(f"There is no results file {path.name}.") from None
    except (OSError, ValueError) as error:
        raise Malformed(f"{path.name} cannot be read as JSON: {error}.") from error


def newest(folder: Path, pattern: str) -> Path:
    """The file that was written last; raises `Malformed` where there is none."""
    found = sorted(folder.rglob(pattern), key=lambda path: path.stat().st_mtime_ns)
    if not found:
        raise Malformed(f"There is no results file {pattern} in {folder}.")
    return found[-1]


def tasks(folder: Path) -> tuple[Path, dict[str, Mapping[str, Any]]]:
    """The newest results_*.json, as lm_eval and lighteval write it, and what it says of each task."""
    path = newest(folder, "results_*.json")
    content = load(path)
    found = content.get("results") if isinstance(content, Mapping) else None
    if not isinstance(found, Mapping) or not found:
        raise Malformed(f'{path.name} holds no "results".')
    return path, {str(task): row for task, row in found.items() if isinstance(row, Mapping)}


def collected(rows: Iterable[Mapping[str, Any]]) -> tuple[list[Mapping[str, Any]], dict[str, str]]:
    """All rows, or those before one that cannot be read, and then what it is: predictions cost no score."""
    found: list[Mapping[str, Any]] = []
    try:
        found.extend(rows)
    except Exception as error:  # of a file, of JSON, or of Parquet
        return found, {"predictions": f"unreadable ({first_line(error)})"}
    return found, {}


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
