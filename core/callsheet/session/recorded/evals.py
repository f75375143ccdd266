"""The scores of a run, read from `evals.jsonl`: of one benchmark, kind of weights and step, the last counts."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from callsheet.disk import typed
from callsheet.disk.regular import open_regular, shown
from callsheet.disk.typed import RECORD, Malformed
from callsheet.results import RAW, EvalResult
from callsheet.rundir.fields import EvalRow
from callsheet.rundir.rundir import EVALS, RunDir

logger = logging.getLogger("callsheet")
LARGE = 4 << 20  # bytes of a file whose lines are not all parsed
MOST = 10_000  # scores that are parsed of a large one: the last of each benchmark, and the last of the file


class Key(NamedTuple):
    """What tells one score from another."""

    name: str
    benchmark_id: str
    weights: str
    step: int | None


def evals_of(run_dir: RunDir) -> list[EvalResult]:
    """Its scores, oldest first; none where there is no such file. Damaged lines are left out, as in `RunDir.rows`."""
    found = run_dir.inside.stat(EVALS)
    is_large = found is not None and found.st_size > LARGE
    kept: dict[Key, EvalResult] = {}
    for row in map(_result, _few(run_dir) if is_large else run_dir.rows(EVALS)):
        key = Key(row.name, row.benchmark_id or row.name, row.tags.get("weights") or RAW, row.step)
        kept.pop(key, None)
        kept[key] = row
    return [*kept.values()]


def _few(run_dir: RunDir) -> Iterator[Any]:
    """The rows of a large file that count most."""
    path, kept = run_dir.path / EVALS, _lines_by_key(run_dir)
    last: dict[tuple[str, str, str], Key] = {}
    for key in sorted(kept, key=lambda key: -1 if key.step is None else key.step):
        last[key[:3]] = key
    wanted = {*last.values(), *[*kept][-MOST:]}
    for line in (line for key, line in kept.items() if key in wanted):
        try:
            yield typed.parse(line, EvalRow, shown(path))
        except Malformed as error:
            logger.warning("%s. It is left out.", error)


def _lines_by_key(run_dir: RunDir) -> dict[Key, bytes]:
    """The last line of each score. Only the fields that tell them apart are parsed, which takes a tenth of the time."""
    import msgspec

    line_type = msgspec.defstruct(
        "Line",
        [("name", str), ("step", int | None), ("benchmark_id", Any, ""), ("weights", Any, ""), ("tags", Any, None)],
    )
    decoder, kept = msgspec.json.Decoder(line_type), dict[Key, bytes]()
    for line in _lines(run_dir):
        try:
            row: Any = decoder.decode(line)
            weights = row.weights or (row.tags or {}).get("weights") or RAW
            key = Key(row.name, str(row.benchmark_id or row.name), str(weights), row.step)
        except (msgspec.MsgspecError, ValueError, AttributeError, RecursionError):
            continue
        kept.pop(key, None)
        kept[key] = line
    return kept


def _lines(run_dir: RunDir) -> Iterable[bytes]:
    with os.fdopen(open_regular(run_dir.path / EVALS), "rb") as file:
        while line := file.readline(RECORD):
            yield line


def _result(row: Mapping[str, Any]) -> EvalResult:
    tags = {name: str(value) for name, value in (row.get("tags") or {}).items() if value is not None}
    if weights := _text(row, "weights"):
        tags["weights"] = weights
    seconds = dict(_numbers({"seconds": row.get("eval_seconds")})).get("seconds", math.nan)
    return EvalResult(
        name=row["name"],
        metrics=dict(_numbers(row["metrics"])),
        benchmark_id=_text(row, "benchmark_id") or "",
        breakdowns=_breakdowns(row.get("breakdowns")),
        tags=tags,
        step=row["step"],
        commit=_text(row, "commit"),
        eval_seconds=seconds if math.isfinite(seconds) else None,
    )


def _breakdowns(found: Any) -> dict[str, Mapping[str, float]]:
    tasks = found if isinstance(found, Mapping) else {}
    return {task: dict(_numbers(row)) for task, row in tasks.items() if isinstance(row, Mapping)}


def _numbers(found: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The numbers among `found`; null is NaN, and text that is a number is one, since 0.1 wrote some so."""
    for name, value in found.items():
        try:
            yield name, math.nan if value is None else value if isinstance(value, (int, float)) else float(value)
        except (TypeError, ValueError, OverflowError):
            continue


def _text(row: Mapping[str, Any], name: str) -> str | None:
    return value if isinstance(value := row.get(name), str) else None
