"""Runs and rows, as trackers are given them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from callsheet.tracking import Point, Rows, TrackedRun

STARTED = 1_764_288_000.0  # 2025-11-28
MARKUP = "<script>alert(1)</script> [/b] \x00\x1b[31m \ud800"


def tracked(root: Path, arm: str | None = None, seed: int | None = None, **others: Any) -> TrackedRun:
    """A run of an arm, or a plain one."""
    name = f"{arm}-s{seed}" if arm else "plain"
    run_dir = root / "outputs" / name
    folder = run_dir / "trackers" / "it"
    folder.mkdir(parents=True, exist_ok=True)
    known: dict[str, Any] = {
        "run_dir": run_dir,
        "name": name,
        "experiment": "it's a sweep",
        "run_id": f"run-{name}-0000".replace("'", ""),
        "folder": folder,
        "group": arm,
        "arm": arm,
        "seed": seed,
        "experiment_id": "exp-1" if arm else None,
        "config": {"trainer": {"args": {"learning_rate": 0.1, "betas": [0.9, None]}}, "note": "x" * 7_000},
        "started": "2025-11-28T00:00:00.000+00:00",
    }
    return TrackedRun(**{**known, **others})


def train(step: int, **values: float) -> Point:
    named = {f"train/{name}": value for name, value in (values or {"loss": 1 / step}).items()}
    return Point("train", step, STARTED + step, named)


def late_score(step: int, value: float = 0.5, texts: Mapping[str, str] | None = None) -> Point:
    return Point("bench/gsm8k", step, STARTED + 99, {"bench/gsm8k/exact_match": value}, texts or {})


def completions(step: int) -> Rows:
    rows = [["1 + 1 =", MARKUP, 0.5], ["x" * 100_000, "2", math.nan]]
    return Rows("completions", step, STARTED + step, ["prompt", "completion", "rewards/right"], rows)
