"""The best checkpoint that a run still has, by the metric that its trainer goes by, else by the evaluation loss."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from callsheet.rundir.checkpoints import manifest
from callsheet.rundir.rundir import METRICS, RunDir

LOSS = "eval_loss"


def best_checkpoint(run_dir: RunDir, trainer: Any) -> dict[str, Any] | None:
    """Its name, step, metric and value; None if no checkpoint was evaluated, and on ranks that write nothing."""
    if not run_dir.is_main:
        return None
    args = getattr(trainer, "args", None)
    metric = getattr(args, "metric_for_best_model", None) or LOSS
    metric = metric if metric.startswith("eval_") else f"eval_{metric}"
    greater = bool(getattr(args, "greater_is_better", False))
    values = _values(run_dir, metric)
    known = [row for row in manifest(run_dir).values() if row.path.is_dir() and row.step in values]
    if not known:
        return None
    best = sorted(known, key=lambda row: values[row.step], reverse=greater)[0]
    # Of equals, and after a resume, the trainer's own choice counts.
    named = Path(str(getattr(getattr(trainer, "state", None), "best_model_checkpoint", None) or "")).name
    found = next((row for row in known if row.name == named), best)
    about = {"checkpoint": found.name, "step": found.step, "metric": metric, "value": values[found.step]}
    return {**about, "greater_is_better": greater}


def _values(run_dir: RunDir, metric: str) -> dict[int, float]:
    """The metric by step; the last row of a step counts, as after a resume."""
    found = {}
    for row in run_dir.rows(METRICS, holding=metric):
        value, step = row.get(metric), row.get("step")
        if isinstance(step, int) and isinstance(value, (int, float)) and math.isfinite(value):
            found[step] = float(value)
    return found
