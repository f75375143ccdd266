"""What else was scored: every metric of every benchmark, and each method's mean over its seeds."""

from __future__ import annotations

import math
from statistics import fmean, stdev

from callsheet.experiments.results.arms import finals
from callsheet.experiments.results.comparison_rows import mean_and_spread
from callsheet.experiments.results.summary import COUNTED, Summary
from callsheet.experiments.statistics.methods import Method
from callsheet.results import ArmResult

MOST = 100  # lines


def other_scores(summary: Summary) -> list[tuple[str, str, str, str]]:
    """Score, method, number of seeds, and mean ± sd: of the benchmarks that the experiment names, or of all."""
    found: dict[str, dict[str, list[float]]] = {}
    for arm in (arm.result for arm in finals(summary.arms) if arm.result.status in COUNTED):
        for name, value in _scores(arm, summary.asked.benchmarks).items():
            found.setdefault(name, {}).setdefault(arm.method, []).append(value)
    rows = [
        (name, method, str(len(values)), mean_and_spread(_method(method, values)))
        for name, methods in found.items()
        for method, values in methods.items()
    ]
    return rows[:MOST]


def _scores(arm: ArmResult, names: tuple[str, ...]) -> dict[str, float]:
    return {
        f"{benchmark}.{metric}": value
        for benchmark, metrics in arm.eval_metrics.items()
        if not names or benchmark in names
        for metric, value in metrics.items()
        if "stderr" not in metric and math.isfinite(value)
    }


def _method(name: str, values: list[float]) -> Method:
    return Method(name, len(values), fmean(values), stdev(values) if len(values) > 1 else None)
