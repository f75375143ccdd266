"""The follower of a run as the courier starts it, for a run directory that a test has written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from callsheet.completions.files import keep
from callsheet.completions.rows import completion_rows
from callsheet.rundir.rundir import EVALS, METRICS, RUN, RunDir

STARTED = "2026-11-28T01:00:00+00:00"


class Follower(subprocess.Popen[str]):
    """`python -m callsheet.tracking RUN PLUGIN`."""

    def __init__(
        self, run_dir: Path, plugin: str, settings: Mapping[str, Any], environment: Mapping[str, str] = {}
    ) -> None:
        command = [sys.executable, "-m", "callsheet.tracking", str(run_dir), plugin]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        super().__init__(command, text=True, env={**os.environ, **environment}, **pipes)
        self.order(tracker=plugin, settings=dict(settings), run_id="demo-1234567890")

    def order(self, **what: Any) -> None:
        assert self.stdin
        self.stdin.write(json.dumps(what) + "\n")
        self.stdin.flush()

    def hear(self, *wanted: str) -> dict[str, Any]:
        """The next of its words that has one of these names."""
        assert self.stdout and self.stderr
        for line in self.stdout:
            if (said := json.loads(line)).keys() & {*wanted}:
                return dict(said)
        raise AssertionError(f"it ended: {self.stderr.read()[-3000:]}")


def followed(
    run_dir: Path, plugin: str, settings: Mapping[str, Any], environment: Mapping[str, str] = {}
) -> dict[str, Any]:
    """What the follower says when it has sent everything that is there, or has failed."""
    with Follower(run_dir, plugin, settings, environment) as follower:
        follower.order(finish="completed")
        return follower.hear("ended", "failed")


def write_run(run_dir: Path, config: Mapping[str, Any] | None = None) -> RunDir:
    """A run of an experiment, as its record stands when it has begun."""
    run_dir.mkdir()
    folder = RunDir(run_dir)
    arm = {"group": "sweep", "method": "arm-a", "seed": 1, "experiment_id": "e1"}
    about = {"run": run_dir.name, "experiment": "exp", "status": "completed", "started": STARTED, "attempts": [{}]}
    folder.write_json(RUN, {**about, "arm": arm, "config": config or {"model": {"name_or_path": "org/Tiny-1.5"}}})
    return folder


def log(folder: RunDir, step: int, split: str = "train", **logged: Any) -> None:
    folder.append(METRICS, {"step": step, "split": split, "time": STARTED, **logged})


def score(folder: RunDir, step: int, name: str, value: float) -> None:
    about = {"key": f"{name}-{step}-{value}", "time": STARTED, "weights": "raw"}
    folder.append(EVALS, {"name": name, "step": step, "metrics": {"exact_match": value}, **about})


def complete(folder: RunDir, step: int, rows: Sequence[Mapping[str, Any]]) -> None:
    keep(folder, step, completion_rows(rows, step)[0])
