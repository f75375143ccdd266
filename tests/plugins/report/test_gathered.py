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


def test_methods_of_one_name_in_several_experiments_are_several(tmp_path):
    made = [make_experiment(tmp_path / name, arms=["plain"], seeds=2, steps=10) for name in ("one", "two")]
    arms = [made[0] / "plain-seed-0", made[0] / "plain-seed-1", made[1] / "plain-seed-0"]
    for paths in ([tmp_path], made, arms):
        assert {run.group for run in gather(paths).runs} == {"one/plain", "two/plain"}
    assert {run.group for run in gather(arms[:2]).runs} == {"plain"}
    assert gather([tmp_path]).title == tmp_path.name


def test_runs_of_a_sweep_are_one_band_for_each_arm_without_their_experiment(tmp_path):
    for number in range(4):
        make_run(tmp_path / str(number), arm=f"lr={number % 2}", seed=number, steps=10)
    make_run(tmp_path / "alone", steps=10)
    assert {run.group for run in gather([tmp_path]).runs} == {"lr=0", "lr=1", "alone"}


def test_an_experiment_that_cannot_be_read_costs_its_verdict_alone(tmp_path):
    made = make_experiment(tmp_path / "exp", seeds=2, steps=10)
    (made / "experiment.json").write_text("{")
    report = gather([made])
    assert (len(report.runs), report.experiments) == (4, [])
    assert "exp: its verdict cannot be read: " in report.faults[0]


def test_parts_are_read_when_they_are_asked_for_and_once(tmp_path):
    run = gather([make_run(tmp_path / "run")]).runs[0]
    assert len(run.metrics) == 7
    (tmp_path / "run" / "metrics.jsonl").unlink()
    (tmp_path / "run" / "evals.jsonl").unlink()
    assert (len(run.metrics), len(run.scores)) == (7, 0)
