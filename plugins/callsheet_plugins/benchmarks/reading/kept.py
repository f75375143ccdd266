"""What is kept of an engine's scores: numbers under names of a stated length, and predictions up to a stated size."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from callsheet.disk.inside import Inside
from callsheet.errors import first_line
from callsheet.rundir.rundir import lines
from callsheet.values import described, dumps, numbers
from callsheet_plugins.benchmarks.dispatch.contract import run_of
from callsheet_plugins.benchmarks.engines import Malformed, Scores
from callsheet_plugins.benchmarks.engines.files import ROW_BYTES

NUMBERS = 10_000
NAME = 500  # characters
KEPT_BYTES = 2 << 20  # of names and numbers together
ROWS = 1_000_000
PREDICTIONS_BYTES = 1 << 30
REPORTED = 20  # of what is left out
PREDICTIONS = "predictions"
FULL = (errno.ENOSPC, errno.EDQUOT)


def kept(scores: Scores, path: Path) -> dict[str, Any]:
    """The numbers of `scores` as JSON, its predictions being written to `path`; raises `Malformed`."""
    metrics, odd = numbers(scores.metrics)
    if not metrics:
        raise Malformed("they hold no number.")
    left_out = {**scores.left_out, **odd}
    breakdowns = _breakdowns(scores.breakdowns, left_out)
    _refuse_too_many(metrics, breakdowns)
    are_there, fault = write(scores.predictions, path)
    if fault:
        left_out[PREDICTIONS] = fault
    return {"metrics": metrics, "breakdowns": breakdowns, "left_out": _shortened(left_out), PREDICTIONS: are_there}


def write(rows: Iterable[Any], path: Path) -> tuple[bool, str]:
    """Write `rows` to `path`, one a line, up to the first that cannot be; returns whether there are any, and its fault.

    Predictions cost no score, whatever is wrong with them.
    """
    number, size, run = 0, 0, run_of(path.parent)
    try:
        with run.replacing(path) as (_, temporary), _opened(run, path.with_name(temporary)) as file:
            try:
                for row in rows:
                    line = _line(row, number + 1)
                    if number == ROWS or size + len(line) > PREDICTIONS_BYTES:
                        raise Malformed(f"only {number:,} rows, {size:,} bytes, are kept")
                    file.write(line)
                    number, size = number + 1, size + len(line)
            except Exception as error:  # of a file, of JSON, of Parquet, or of an engine's own
                if isinstance(error, OSError) and error.errno in FULL:
                    raise
                return number > 0, f"unreadable from row {number + 1} on ({first_line(error)[:NAME]})"
    finally:
        if not number:
            run.remove(path)
    return number > 0, ""


def _opened(run: Inside, path: Path) -> IO[str]:
    return os.fdopen(run.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "w", encoding="utf-8")


def _line(row: Any, number: int) -> str:
    if not isinstance(row, Mapping):
        raise Malformed(f"row {number} is {described(row)}")
    if len(line := lines([row])) > ROW_BYTES:
        raise Malformed(f"row {number} holds {len(line):,} bytes, and {ROW_BYTES:,} are taken at most")
    return line


def _breakdowns(found: Any, left_out: dict[str, str]) -> dict[str, dict[str, float]]:
    """The tasks that have numbers; what has none is added to `left_out`."""
    if not isinstance(found, Mapping):
        left_out["breakdowns"] = described(found)
        return {}
    tasks = {}
    for name, row in found.items():
        tasks[str(name)], odd = numbers(row)
        left_out |= {f"breakdowns/{name}/{metric}".rstrip("/"): what for metric, what in odd.items()}
    return {name: row for name, row in tasks.items() if row}


def _refuse_too_many(metrics: Mapping[str, float], breakdowns: Mapping[str, Mapping[str, float]]) -> None:
    count = len(metrics) + sum(map(len, breakdowns.values()))
    if count > NUMBERS:
        raise Malformed(f"they hold {count:,} numbers, and {NUMBERS:,} are taken at most.")
    longest = max(len(name) for row in (metrics, breakdowns, *breakdowns.values()) for name in row)
    if longest > NAME:  # which may be anything, so it is not repeated
        raise Malformed(f"they hold a name of {longest:,} characters, and {NAME} are taken at most.")
    if (size := len(dumps([metrics, breakdowns]))) > KEPT_BYTES:
        raise Malformed(f"they take {size:,} bytes, and {KEPT_BYTES:,} are taken at most.")


def _shortened(left_out: Mapping[str, str]) -> dict[str, str]:
    """A few of what is left out, and the number of the rest; predictions among them."""
    names = sorted(left_out, key=lambda name: name != PREDICTIONS)
    shown = {name[:NAME]: left_out[name][:NAME] for name in names[:REPORTED]}
    rest = len(names) - REPORTED
    return shown | ({"…": f"{rest:,} more"} if rest > 0 else {})
