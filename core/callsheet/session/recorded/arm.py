"""An `ArmResult` from a run directory: while its process still knows the result, and after it."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from callsheet.errors import CallsheetError
from callsheet.results import ArmResult, EvalResult, RunResult
from callsheet.rundir.rundir import RunDir
from callsheet.session.recorded.evals import evals_of
from callsheet.values import numbers

logger = logging.getLogger("callsheet")


def ended(arm: ArmResult, run_dir: RunDir, result: RunResult, run_config: Mapping[str, Any]) -> ArmResult:
    """`arm` with `result` and the scores that its directory holds. What cannot be read is left out: the run is over."""
    scores: Sequence[EvalResult] = ()
    try:
        scores = evals_of(run_dir)
    except (CallsheetError, OSError) as error:
        logger.warning("The scores of the run are left out of its result: %s", error)
    return _with(replace(arm, result=result, run_config=run_config), run_dir, scores, result.seconds)


def recorded(arm: ArmResult, run_dir: RunDir) -> ArmResult:
    """`arm` with all that its run directory says; as it is where no run was ever started.

    Raises `CallsheetError` and OSError where the directory cannot be read.
    """
    if not (run := run_dir.run()):
        return arm
    scores, outcome = evals_of(run_dir), run.get("outcome") or {}
    seconds = _seconds(run.get("attempts") or (), outcome)
    # an arm that goes on, or was killed, has no end
    result = _result(run, outcome, run_dir.path, seconds) if outcome else None
    known = replace(arm, result=result, run_config=run.get("config") or {}, status=arm.status or run.get("status", ""))
    return _with(known, run_dir, scores, seconds)


def _with(arm: ArmResult, run_dir: RunDir, scores: Sequence[EvalResult], seconds: float) -> ArmResult:
    scored = [row.eval_seconds for row in scores if row.eval_seconds is not None]
    return replace(
        arm,
        evals=scores,
        train_seconds=seconds or None,
        eval_seconds=sum(scored) if scored else None,
        run_dir=run_dir.path,
    )


def _result(run: Mapping[str, Any], outcome: Mapping[str, Any], folder: Path, seconds: float) -> RunResult:
    artifacts = run.get("artifacts") or {}
    metrics, _ = numbers(outcome.get("metrics") or {})
    return RunResult(
        str(outcome.get("status") or run.get("status", "")),
        step=outcome.get("step") or 0,
        metrics=metrics,
        seconds=seconds,
        error=outcome.get("error"),
        run_id=str(outcome.get("run_id") or run.get("run", folder.name)),
        artifacts={name: folder / place for name, place in artifacts.items()},
    )


def _seconds(attempts: Sequence[Mapping[str, Any]], outcome: Mapping[str, Any]) -> float:
    """How long all attempts took that have an end; the last one says it itself."""
    said = outcome.get("seconds")
    if not isinstance(said, (int, float)) or not math.isfinite(said):
        return sum(map(_length, attempts))
    return sum(map(_length, attempts[:-1])) + said


def _length(attempt: Mapping[str, Any]) -> float:
    with suppress(KeyError, TypeError, ValueError):
        return (datetime.fromisoformat(attempt["ended"]) - datetime.fromisoformat(attempt["started"])).total_seconds()
    return 0.0
