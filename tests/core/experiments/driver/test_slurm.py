"""An experiment whose workers are jobs of a real Slurm."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

FILE = """\
# @package _global_
defaults:
  - override /recipe: demo
  - override /plugins: []
experiment:
  arms: {plain: [], slow: [trainer.args.learning_rate=1e-4]}
  success_metric: train_loss
  direction: minimize
trainer:
  args: {max_steps: 2, eval_strategy: "no", save_strategy: "no", per_device_train_batch_size: 4}
"""
SITE = ("hydra.launcher.cpus_per_task=1", "hydra.launcher.mem_gb=2", "hydra.launcher.timeout_min=5")


def test_its_workers_are_an_array_of_jobs(slurm: Any, tmp_path: Path):
    pytest.importorskip("submitit", reason="the extra slurm is not installed")
    (tmp_path / "mine.yaml").write_text(FILE)
    command = (sys.executable, "-m", "callsheet", "experiment", "experiment=mine.yaml", "hydra/launcher=submitit_slurm")
    quiet = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = slurm.run(*command, *SITE, "experiment.workers=2", env=quiet, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "outputs" / "mine"
    found = json.loads((folder / "experiment.json").read_text())
    assert [(arm["name"], arm["status"]) for arm in found["arms"]] == [("plain", "completed"), ("slow", "completed")]
    jobs = {
        json.loads((folder / name / "run.json").read_text())["attempts"][0]["slurm_job"] for name in ("plain", "slow")
    }
    assert jobs and all(jobs), "every arm ran in a job"
    assert "2/2" in done.stderr and "slow and plain: no verdict on train_loss" in done.stdout
