"""What a tracker is told: which run it is, its numbers, and its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Cell = str | float | int | None


@dataclass(frozen=True)
class TrackedRun:
    """One run, as a tracker begins it or goes on with it.

    `run_id` is made once for each run directory: 8 to 40 signs of a-z, 0-9 and "-", which no other run has. `group` is
    the experiment's group of repeats or stages, `arm` its method; both are None in a plain run. `config` is without
    secrets. `started` is ISO 8601 in UTC, `attempt` counts from 1. If `is_new` is False, the tracker has the run
    already, also when it was closed there, and `ids` is what `Sink.ids` returned. `sent` is how many points and tables
    are known to be safe at the tracker. `folder` is for files of the tracker's own, `cwd` where the run was started.
    """

    run_dir: Path
    name: str
    experiment: str
    run_id: str
    folder: Path
    group: str | None = None
    arm: str | None = None
    seed: int | None = None
    stage: str | None = None
    experiment_id: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    started: str = ""
    cwd: Path = Path()
    attempt: int = 1
    is_new: bool = True
    ids: Mapping[str, str] = field(default_factory=dict)
    sent: int = 0


@dataclass(frozen=True)
class Point:
    """Numbers of one moment. `axis` says which steps they belong to: "train", "eval", "eval/NAME" or "bench/NAME".

    `time` is when they were logged, in seconds since 1970, so that sending again sends the same. `values` have whole
    names, such as "train/loss", "eval/loss", "eval/NAME/loss", "bench/gsm8k/exact_match" and, of averaged weights,
    "bench/gsm8k/bema/exact_match"; they may be NaN. `texts` are what is no number, 1,000 characters at most.
    """

    axis: str
    step: int
    time: float
    values: Mapping[str, float]
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Rows:
    """New rows of a table: "completions" of a step, or "predictions/NAME" behind a score."""

    name: str
    step: int
    time: float
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
