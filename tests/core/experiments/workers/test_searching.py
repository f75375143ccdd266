"""Workers ask the sampler for the values of an arm, and tell it what came of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from callsheet.config.experiment import HalvingSettings, SearchSettings
from callsheet.experiments.arms import Arm
from callsheet.experiments.places import DONE, FAILED, JOURNAL
from callsheet.experiments.queue import Entry, Queue, records
from callsheet.experiments.queue.directory import Experiment
from callsheet.experiments.queue.directory import opened as experiment_of
from callsheet.experiments.search.journal import opened
from callsheet.experiments.workers import commands
from callsheet.experiments.workers.loop import work
from callsheet.experiments.workers.searching import with_values
from callsheet.rundir import versions
from callsheet.rundir.rundir import now

LR = "trainer.args.learning_rate"
# A run that lasts as long as it takes to say how it ended: the further its rate is from 0.01, the worse.
RUN = """
import json, pathlib, sys
folder, rate = pathlib.Path(sys.argv[1]), float(sys.argv[2])
if rate > 0.09:
    sys.exit("too much")
folder.mkdir(exist_ok=True)
outcome = {"status": "completed", "step": 9, "metrics": {"eval_loss": abs(rate - 0.01)}}
(folder / "run.json").write_text(json.dumps({"status": "completed", "outcome": outcome}))
"""


def run(root: Path, experiment: Experiment, entry: Entry) -> Sequence[str]:
    (rate,) = [override.partition("=")[2] for override in entry.overrides if override.startswith(LR)]
    return [sys.executable, "-c", RUN, str(root / entry.name), rate]


def begin(root: Path, trials: int, axis: Any, halving: HalvingSettings | None = None) -> Queue:
    search = SearchSettings(space={LR: axis}, trials=trials, halving=halving or HalvingSettings())
    settings = {"success_metric": "eval_loss", "direction": "minimize", "search": asdict(search)}
    record = {"name": "x", "callsheet": versions.this_one(), "created": now(), "command": {}, "settings": settings}
    (root / "experiment.json").write_text(json.dumps(record))
    queue = Queue(root)
    queue.make()
    for number in range(trials):
        queue.add(records.of(Arm(f"trial-{number}", f"trial-{number}", trial=number)))
    return queue


def test_each_trial_runs_with_its_values_and_is_told(tmp_path: Path) -> None:
    queue = begin(tmp_path, 4, {"low": 1e-3, "high": 5e-2, "log": True})

    assert work(tmp_path, run) == 0

    trials = opened(tmp_path / JOURNAL, "minimize").study.trials
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 4
    for trial in trials:
        entry = queue.read(DONE, trial.user_attrs["arm"])
        assert entry is not None and len(entry.attempts) == 1
        assert entry.overrides == (f"{LR}={trial.params[LR]!r}",)
        assert entry.differs == {LR: repr(trial.params[LR])}
        assert trial.value == pytest.approx(abs(trial.params[LR] - 0.01))


def test_a_trial_gets_its_values_once_those_before_it_are_told(tmp_path: Path) -> None:
    queue = begin(tmp_path, 3, {"low": 1e-3, "high": 5e-2})
    running: list[list[str]] = []

    def noted(root: Path, experiment: Experiment, entry: Entry) -> Sequence[str]:
        trials = opened(root / JOURNAL, "minimize").study.trials
        running.append([trial.user_attrs["arm"] for trial in trials if trial.state == TrialState.RUNNING])
        return run(root, experiment, entry)

    assert work(queue.root, noted) == 0
    assert running == [["trial-0"], ["trial-1"], ["trial-2"]]


def test_values_that_no_run_takes_fail_alone_and_are_told(tmp_path: Path) -> None:
    queue = begin(tmp_path, 3, [0.5, 0.02, 0.01])

    work(tmp_path, run)

    trials = opened(tmp_path / JOURNAL, "minimize").study.trials
    failed = {trial.user_attrs["arm"] for trial in trials if trial.state == TrialState.FAIL}
    assert failed == {trial.user_attrs["arm"] for trial in trials if trial.params[LR] == 0.5} == {*queue.names(FAILED)}
    assert len(queue.names(DONE)) == 3 - len(failed)


def test_a_damaged_journal_fails_the_trials_with_its_line(tmp_path: Path) -> None:
    queue = begin(tmp_path, 2, [0.02, 0.01])
    (tmp_path / JOURNAL).write_text("no journal\n")

    assert work(tmp_path, run) == 0

    entry = queue.read(FAILED, "trial-1")
    assert entry is not None and "search.log, line 1: this is no line of Optuna's journal" in str(entry.error)


def test_a_trial_that_was_killed_has_the_same_values(tmp_path: Path) -> None:
    queue = begin(tmp_path, 1, {"low": 1e-3, "high": 5e-2})
    claim = queue.claim("trial-0", "killed", 1)
    assert claim
    settled = with_values(tmp_path, records.of(Arm("trial-0", "trial-0", trial=0)), experiment_of(tmp_path).settings)
    queue.give_back(claim, records.of(Arm("trial-0", "trial-0", trial=0)))

    work(tmp_path, run)

    entry = queue.read(DONE, "trial-0")
    assert entry is not None and entry.overrides == settled.overrides
    (tmp_path / JOURNAL).unlink()
    assert with_values(tmp_path, entry, experiment_of(tmp_path).settings) is entry


def test_a_run_gets_the_plugin_that_halves_before_its_own_overrides(tmp_path: Path) -> None:
    begin(tmp_path, 1, [0.01], HalvingSettings(min_steps=5))
    entry = records.of(Arm("trial-0", "trial-0", (f"{LR}=0.01",), trial=0))

    command = commands.train(tmp_path, experiment_of(tmp_path), entry)

    place = command.index("+plugins=halving")
    assert command[place + 1 : place + 6] == [
        "plugins.halving.metric=eval_loss",
        "plugins.halving.direction=minimize",
        "plugins.halving.min_steps=5",
        "plugins.halving.factor=3",
        f"{LR}=0.01",
    ]
