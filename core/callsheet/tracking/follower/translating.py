"""Rows of the run directory as points and tables, under the names that transformers gives to trackers."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from callsheet.tracking.names import Names
from callsheet.tracking.records import Cell, Point, Rows
from callsheet.values import number

TRAIN, EVAL, BENCH = "train", "eval", "bench"
ABOUT = ("step", "split", "time")  # of a row of metrics.jsonl, what is no metric
LONGEST_TEXT = 1_000  # characters of what is logged and no number
LONGEST_CELL = 20_000  # and of a cell of a table
RAW = "raw"  # the weights that train, which need no name
DEEPEST = 20


def metrics(row: Mapping[str, Any], names: Names, otherwise: float) -> Point | None:
    """A row of metrics.jsonl; None for one that says nothing. `otherwise` is the time of a row that has none."""
    split = str(row.get("split") or TRAIN)
    logged = {name: value for name, value in row.items() if name not in ABOUT and (name != "epoch" or split == TRAIN)}
    axis = split if split in (TRAIN, EVAL) else f"{EVAL}/{split}"
    values, texts = _sorted((f"{axis}/{_bare(name, split)}", value) for name, value in logged.items())
    if not {*values, *texts} - {f"{TRAIN}/epoch"}:
        return None
    return Point(names.fit(axis), row["step"], seconds(row.get("time"), otherwise), values, texts)


def score(row: Mapping[str, Any], names: Names, last_step: int, otherwise: float) -> Point:
    """A row of evals.jsonl. `last_step` is where a score stands that belongs to no step."""
    weights = str((row.get("tags") or {}).get("weights") or row.get("weights") or RAW)
    axis = "/".join([BENCH, str(row["name"]), *([weights] if weights != RAW else [])])
    tasks = row.get("breakdowns") if isinstance(row.get("breakdowns"), Mapping) else {}
    values, texts = _sorted((f"{axis}/{name}", value) for name, value in {**row["metrics"], **(tasks or {})}.items())
    step = row.get("step")
    return Point(
        names.fit(axis), last_step if step is None else step, seconds(row.get("time"), otherwise), values, texts
    )


def predictions(row: Mapping[str, Any], point: Point, lines: Sequence[Mapping[str, Any]], names: Names) -> Rows | None:
    """The answers behind a score, each with the step and the weights."""
    weights = str((row.get("tags") or {}).get("weights") or row.get("weights") or RAW)
    told = [{"step": point.step, "weights": weights, **line} for line in lines]
    return _table(names.fit(f"predictions/{row['name']}"), point.step, point.time, told) if lines else None


def completions(step: int, time: float, lines: Sequence[Mapping[str, Any]], names: Names) -> Rows:
    """Sampled completions of one step and source, with a column for each reward and each score."""
    return _table(names.fit("completions"), step, time, [{"step": step, **_opened(line)} for line in lines])


def seconds(text: Any, otherwise: float) -> float:
    """The time of a row, in seconds since 1970."""
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except (ValueError, OverflowError):
        return otherwise


def _bare(name: str, split: str) -> str:
    """The name of a metric without what Trainer puts before it."""
    if split == TRAIN:
        return name
    return name.removeprefix(f"eval_{split}_" if split != EVAL else "eval_")


def _sorted(logged: Iterable[tuple[str, Any]]) -> tuple[dict[str, float], dict[str, str]]:
    """What is a number, and what is none: by name, a mapping among it opened."""
    values: dict[str, float] = {}
    texts: dict[str, str] = {}
    for name, value in _leaves(logged, 0):
        if isinstance(value, (int, float)) or value is None:
            values[name] = number(value)
        else:
            texts[name] = _text(value)[:LONGEST_TEXT]
    return values, texts


def _leaves(logged: Iterable[tuple[str, Any]], depth: int) -> Iterator[tuple[str, Any]]:
    for name, value in logged:
        if isinstance(value, Mapping) and depth < DEEPEST:
            yield from _leaves(((f"{name}/{key}", each) for key, each in value.items()), depth + 1)
        else:
            yield name, value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _opened(line: Mapping[str, Any]) -> dict[str, Any]:
    """A completion with its rewards and scores as columns, and a prompt of messages as text."""
    opened = {name: value for name, value in line.items() if name not in ("rewards", "scores", "step")}
    for kind in ("rewards", "scores"):
        found = line.get(kind)
        opened |= {f"{kind}/{name}": value for name, value in (found if isinstance(found, Mapping) else {}).items()}
    return opened


def _table(name: str, step: int, time: float, told: Sequence[Mapping[str, Any]]) -> Rows:
    columns = list(dict.fromkeys(column for line in told for column in line))
    return Rows(name, step, time, columns, [[_cell(line.get(column)) for column in columns] for line in told])


def _cell(value: Any) -> Cell:
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)):
        return number(value) if value is not None else None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    left = len(text) - LONGEST_CELL
    return text if left <= 0 else f"{text[:LONGEST_CELL]} … ({left:,} more characters)"
