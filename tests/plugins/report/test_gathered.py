"""What a report gathers of made runs and experiments."""

import pytest

from callsheet.errors import CallsheetError
from callsheet_plugins.report.gathered import gather
from callsheet_plugins.report.reading.answers import answers

from .made import make_experiment, make_run


def test_a_run_is_gathered_with_all_its_parts(tmp_path):
    run = gather([make_run(tmp_path / "one")]).runs[0]
    assert (run.label, run.group, run.status.state, run.status.step) == ("one", "one", "completed", 100)
    assert run.metrics["train", "loss"].steps.tolist() == [*range(1, 101)]
    assert run.metrics["eval", "eval_loss"].steps.tolist() == [25, 50, 75, 100]
    assert [score.step for score in run.scores] == [0, 50, 100]
    assert len(answers(run, run.scores[0])) == 20
    assert [(one.step, len(one.scored), one.is_there) for one in run.checkpoints] == [(50, 1, True), (100, 1, True)]
    assert run.completions.steps == [25, 50, 75, 100]
    assert run.completions.rows(50)[0]["completion"] == "said 50"
    assert (len(run.attempts), len(run.events), [*run.cost]) == (1, 4, ["bema", "progress"])
    assert run.faults == []


def test_an_experiment_is_gathered_with_its_verdict(tmp_path):
    report = gather([make_experiment(tmp_path / "exp", seeds=2)])
    assert (report.title, report.root) == ("exp", tmp_path / "exp")
    assert [run.label for run in report.runs] == ["bema-seed-0", "bema-seed-1", "plain-seed-0", "plain-seed-1"]
    assert {run.group for run in report.runs} == {"plain", "bema"}
    assert report.experiments[0].verdict.comparisons[0].pairs == 2


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(CallsheetError, match="holds no Callsheet run"):
        gather([tmp_path])
