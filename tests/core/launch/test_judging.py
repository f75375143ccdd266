"""What the driver of several processes writes when one of them died."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from callsheet.launch import launcher
from callsheet.launch.failures import WorkerFailure

DIED = launcher._unexplained(1, 4711, -9)


@pytest.mark.parametrize("written", ["running", "failed", "interrupted"])
def test_a_rank_that_died_made_the_run_fail_whatever_the_others_took_it_for(tmp_path: Path, written: str) -> None:
    """The agent ends the others with SIGTERM, and rank 0 may hear of that before it misses its peer."""
    (tmp_path / "run.json").write_text(json.dumps({"status": written, "outcome": {"step": 4, "signal": "SIGTERM"}}))
    plan: Any = SimpleNamespace(run_dir=tmp_path)
    with pytest.raises(WorkerFailure, match="was killed by SIGKILL"):
        launcher._judge(plan, DIED, None)
    run = json.loads((tmp_path / "run.json").read_text())
    assert run["status"] == run["outcome"]["status"] == "failed" and "Rank 1" in run["outcome"]["error"]


def test_a_run_that_had_ended_well_stays_so(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"status": "completed"}))
    plan: Any = SimpleNamespace(run_dir=tmp_path)
    with pytest.raises(WorkerFailure):
        launcher._judge(plan, DIED, None)
    assert json.loads((tmp_path / "run.json").read_text())["status"] == "completed"
