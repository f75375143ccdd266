"""What an experiment asks: which metric, in which direction, compared with which arm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from callsheet.config.experiment import ExperimentSettings
from callsheet.errors import CallsheetError, did_you_mean
from callsheet.screen import quoted

METRIC = "experiment.success_metric"
MOST_LISTED = 10


def refuse_unanswerable(settings: ExperimentSettings, methods: Sequence[str]) -> None:
    """Raise `CallsheetError` for a metric that is no name, and a baseline that is no arm."""
    if settings.success_metric is not None:
        _require_metric(settings.success_metric)
    if twice := next((name for name, often in Counter(settings.benchmarks).items() if often > 1), ""):
        raise CallsheetError(f"experiment.benchmarks names {quoted(twice)} twice.")
    if settings.baseline is not None and settings.baseline not in methods:
        raise CallsheetError(_no_arm(settings.baseline, methods))
    if settings.sequential.max_repeats is not None and settings.sequential.max_repeats < settings.repeats:
        raise CallsheetError(
            f"experiment.sequential.max_repeats={settings.sequential.max_repeats} is less than "
            f"experiment.repeats={settings.repeats}, with which it begins."
        )


def _require_metric(metric: str) -> None:
    if not metric.strip() or metric != metric.strip() or not metric.isprintable() or "" in metric.split("."):
        raise CallsheetError(
            f"{METRIC}={quoted(metric)} is no metric: write BENCHMARK.METRIC, or a metric of the trainer such as "
            "eval_loss."
        )


def _no_arm(baseline: str, methods: Sequence[str]) -> str:
    named = ", ".join(methods[:MOST_LISTED]) or "none"
    more = f" and {len(methods) - MOST_LISTED:,} more" if len(methods) > MOST_LISTED else ""
    near = did_you_mean(baseline, methods)
    return f"experiment.baseline={quoted(baseline)} is no arm.{near} Arms: {named}{more}."
