"""Runs that have logged something, without a run directory: for tests of curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

from callsheet_plugins.report.reading.metrics import Series


def series(split: str, name: str, steps: Sequence[int], values: Sequence[float]) -> Series:
    return Series(split, name, np.asarray(steps, dtype=np.int64), np.asarray(values, dtype=np.float64))


def run(
    label: str,
    logged: Mapping[tuple[str, str], Sequence[float]],
    *,
    group: str = "",
    seed: int | None = None,
    steps: Sequence[int] | None = None,
    **more: Any,
) -> Any:
    """A run as the report gathers it; `logged` has the values of a split and name at `steps`, else at 1, 2, 3, …"""
    metrics = {
        (split, name): series(split, name, steps or range(1, len(values) + 1), values)
        for (split, name), values in logged.items()
    }
    made = {"record": {}, "config": {}, "stage": None, "checkpoints": [], "events": [], "cost": {}}
    return SimpleNamespace(label=label, group=group or label, seed=seed, metrics=metrics, **{**made, **more})


def report(*runs: Any) -> Any:
    return SimpleNamespace(runs=runs)


def arms(count: int, seeds: int, steps: int = 50) -> Any:
    """A report of `count` arms: that of number 0 has the lowest loss."""
    draw = np.random.default_rng(0)
    return report(
        *(
            run(
                f"arm {arm}/{seed}",
                {
                    ("train", "loss"): arm + draw.random(steps),
                    ("train", "grad_norm"): draw.random(steps),
                },
                group=f"arm {arm}",
                seed=seed,
            )
            for arm in range(count)
            for seed in range(seeds)
        )
    )
