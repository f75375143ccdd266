"""A search as a user runs it: a rate that is too low is stopped early, and the directory says by whom and why."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from callsheet.experiments.search.journal import opened

FILE = """\
success_metric: eval_loss
direction: minimize
overrides:
  - recipe=demo
  - plugins=[]
  - trainer.args.max_steps=8
  - trainer.args.eval_steps=2
  - trainer.args.save_strategy=no
  - trainer.args.warmup_steps=0
  - trainer.args.per_device_train_batch_size=4
workers: 1
search:
  sampler: GridSampler
  trials: 2
  space:
    trainer.args.learning_rate: [1e-9, 3e-3]  # the sampler begins with the second
  halving: {min_steps: 2, factor: 2}
"""


@pytest.mark.slow
def test_a_search_of_two_trials(callsheet: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "rates.yaml").write_text(FILE)

    done = callsheet("experiment", "experiment=rates.yaml")

    assert done.returncode == 0, done.stderr
    good, bad = opened(tmp_path / "outputs" / "rates" / "search.log", "minimize").study.trials
    assert (good.state, bad.state) == (TrialState.COMPLETE, TrialState.PRUNED)
    assert {*good.intermediate_values} == {2, 4, 6, 8} and {*bad.intermediate_values} == {2}
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("trial-")]
    assert [row[2:] for row in rows] == [["completed", "learning_rate=0.003"], ["stopped", "learning_rate=1e-09"]]
    run = json.loads((tmp_path / "outputs" / "rates" / "trial-1" / "run.json").read_text())
    assert run["outcome"]["stopped_by"].startswith("halving: eval_loss ") and run["outcome"]["step"] == 2
    assert run["arm"]["differs"] == {"trainer.args.learning_rate": "1e-09"}
