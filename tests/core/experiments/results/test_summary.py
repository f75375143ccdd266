"""An experiment is read from its queue and its run directories, and judged."""

import json
import math
import os

import pytest

from callsheet.config.experiment import ExperimentSettings, SequentialSettings
from callsheet.disk.typed import Malformed
from callsheet.experiments import results
from callsheet.rundir.rundir import RunDir
from core.experiments.results.experiments import Folder, run, scored, two_methods


def verdicts(found):
    return {each.method: (each.verdict, each.pairs) for each in found.verdict.comparisons}


def test_scores_come_from_run_directories_and_methods_are_compared_over_seeds(tmp_path):
    found = results.of(two_methods(tmp_path / "exp").path)
    result = found.result
    assert verdicts(found) == {"bema": ("better", 4)} and found.is_decided
    assert (result.name, result.status, result.experiment_id, len(result.arms)) == ("exp", "completed", "e7", 8)
    assert (result.best_arm.name, result.best_score) == ("bema__s1", 0.56)
    assert result.conclusion.startswith("bema is better than plain in test.accuracy: +0.031 (95 % from +0.021 to")
    arm = result.arms[1]
    assert (arm.name, arm.group_name, arm.method, arm.seed, arm.repeat) == ("bema__s0", "bema", "bema", 0, 0)
    assert (arm.config, arm.run_config, arm.train_seconds, arm.eval_seconds) == ({"x": "bema"}, {"seed": 1}, 60.0, 2.0)
    assert arm.score("test.accuracy") == 0.53 and arm.run_result.status == "completed"
    json.dumps([found.rows, found.verdict_record], allow_nan=False)


def test_what_failed_is_left_out_of_the_pairs_and_says_why(tmp_path):
    made = two_methods(tmp_path, plain=(0.50, 0.52, None, 0.51))
    made.add(
        "bema", 4, state="failed", status="skipped", error="plain__s4, whose weights it begins with, has failed.\nx"
    )
    found = results.of(made.path)
    assert verdicts(found) == {"bema": ("better", 3)}
    assert found.missing == {
        "plain__s2": "failed: CUDA out of memory",
        "bema__s4": "skipped: plain__s4, whose weights it begins with, has failed.",
    }
    assert (
        found.result.status == "failed" and {arm.name: arm.status for arm in found.result.arms}["bema__s4"] == "skipped"
    )


def test_a_failed_benchmark_does_not_fail_its_arm(tmp_path):
    made = two_methods(tmp_path)
    run(tmp_path / "plain__s3", evals=[scored(0.1, name="other")])
    run(tmp_path / "bema__s3", evals=[scored(None)])
    run(tmp_path / "bema__s2", evals=[{**scored(0.5), "metrics": {"acuracy": 0.5}}])
    found = results.of(made.path)
    assert found.result.status == "completed" and verdicts(found) == {"bema": ("no verdict", 2)}
    assert found.missing["bema__s3"] == "its test.accuracy is nan"
    assert "no score 'test.accuracy'" in found.missing["plain__s3"]
    assert "Did you mean 'test.acuracy'?" in found.missing["bema__s2"]
    rows = {row["name"]: row for row in found.rows}
    assert (rows["bema__s3"]["score"], rows["plain__s0"]["score"]) == (None, 0.5)


def test_the_last_stage_is_compared(tmp_path):
    made = Folder(tmp_path)
    for seed in range(3):
        for method, gain in (("plain", 0.0), ("bema", 0.1 + seed / 1000)):
            first = made.done(method, seed, 0.9 - gain, stage="a")
            made.done(method, seed, 0.5 + gain, stage="b", after=first)
    assert verdicts(results.of(made.record().path)) == {"bema": ("better", 3)}
    found = results.of(
        tmp_path, made.settings, order=made.names[::-1], experiment_id="e"
    )  # in whatever order they stand
    assert {*verdicts(found).values()} == {("worse", 3)} and len(found.result.arms) == 12  # the baseline is another
    assert {method.name: round(method.mean, 2) for method in found.verdict.methods} == {"plain": 0.5, "bema": 0.6}


def test_arms_that_are_not_over_have_no_score_and_no_status(tmp_path):
    made = two_methods(tmp_path)
    made.add("plain", 4)
    running = made.add("bema", 4, state="active")
    run(tmp_path / running, status="running", evals=[scored(0.9)])
    found = results.of(made.record().path)
    by_name = {arm.name: arm for arm in found.result.arms}
    assert (by_name["plain__s4"].status, by_name["bema__s4"].status, by_name["bema__s4"].run_result) == ("", "", None)
    assert by_name["bema__s4"].evals[0].metrics == {"accuracy": 0.9}  # what it scored so far
    assert verdicts(found) == {"bema": ("better", 4)} and not found.missing


@pytest.mark.parametrize("content", ["", "[]", '{"status": 3}', '{"format": 99}', "\0" * 50])
def test_a_damaged_run_costs_the_score_of_its_arm_alone(tmp_path, content):
    made = two_methods(tmp_path)
    (tmp_path / "bema__s3" / "run.json").write_text(content)
    found = results.of(made.path)
    assert verdicts(found)["bema"][1] == 3 and "run cannot be read" in found.missing["bema__s3"]
    assert found.result.status == "completed"


def test_no_link_is_followed_to_a_run(tmp_path):
    made = two_methods(tmp_path / "exp")
    os.rename(made.path / "bema__s3", tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", made.path / "bema__s3")
    assert "symbolic link" in results.of(made.path).missing["bema__s3"]


def test_settings_of_the_driver_win_over_the_record(tmp_path):
    made = two_methods(tmp_path, baseline="plain")
    settings = ExperimentSettings(
        name="other", hypothesis="h", success_metric="test.accuracy", direction="minimize", baseline="bema"
    )
    found = results.of(made.path, settings, order=made.names, ids={"group:bema": "g1"}, experiment_id="id")
    assert [(each.method, each.verdict) for each in found.verdict.comparisons] == [("plain", "better")]
    assert (found.result.name, found.result.hypothesis, found.result.experiment_id) == ("other", "h", "id")
    assert found.result.best_score == 0.49 and found.result.arms[1].group_id == "g1"


def test_added_seeds_are_judged_with_every_look(tmp_path):
    made = two_methods(tmp_path)
    settings = ExperimentSettings(success_metric="test.accuracy", sequential=SequentialSettings(max_repeats=8))
    found = results.of(made.path, settings)
    assert found.verdict.looks == 8 and found.verdict.comparisons[0].level < 0.025
    assert verdicts(found)["bema"][0] == "better" and found.is_decided


@pytest.mark.parametrize("settings", [{}, {"success_metric": None}])
def test_without_a_metric_nothing_is_compared(tmp_path, settings):
    found = results.of(two_methods(tmp_path).path, settings)
    assert found.verdict is None and found.is_decided and found.result.best_arm is None
    assert found.result.conclusion == "No success_metric is set, so nothing was compared."


def test_a_score_of_another_step_is_named(tmp_path):
    made = two_methods(tmp_path)
    assert results.of(made.path).elsewhere == {}
    run(tmp_path / "bema__s3", evals=[scored(0.5, step=2)])
    found = results.of(made.path)
    assert found.elsewhere == {"bema__s3": 2} and verdicts(found)["bema"][1] == 4
    results.write(made.path, found)
    assert "| bema\\_\\_s3 | 2 |" in (tmp_path / "experiment.md").read_text()


def test_many_arms_without_a_verdict_have_one_sentence(tmp_path):
    made = Folder(tmp_path)
    for number in range(30):
        made.done(f"m{number}", None, 0.5 + number / 100)
    found = results.of(made.record().path)
    said = (
        "m1, m2, m3 and 26 more and m0: no verdict on test.accuracy, 1 seed of both, and the spread over seeds needs 3"
    )
    assert found.result.conclusion == f"{said}: at least 2 more."
    assert found.best_run == "The best single run is m29, 0.790: the best of 30, which flatters."


def test_one_seed_gives_no_verdict(tmp_path):
    found = results.of(two_methods(tmp_path, plain=(0.5,), bema=(0.6,)).path)
    assert verdicts(found) == {"bema": ("no verdict", 1)} and not found.is_decided
    assert "no verdict on test.accuracy, 1 seed of both" in found.result.conclusion


def test_a_metric_of_the_trainer_may_decide(tmp_path):
    made = Folder(tmp_path, success_metric="eval_loss", direction="minimize")
    for seed in range(3):
        made.done("plain", seed, metrics={"eval_loss": 2.0 + seed})
        made.done("bema", seed, metrics={"eval_loss": 1.0 + seed * 1.01})
    assert verdicts(results.of(made.record().path)) == {"bema": ("better", 3)}
    made.done("nan", 0, metrics={"eval_loss": None})
    assert results.of(made.record().path).missing == {"nan__s0": "its eval_loss is nan"}


def test_a_damaged_record_says_which_field(tmp_path):
    made = two_methods(tmp_path)
    (tmp_path / "experiment.json").write_text('{"settings": {"direction": 3}}')
    with pytest.raises(Malformed, match="settings.direction is a whole number, text is needed"):
        results.of(made.path)


def test_a_damaged_entry_of_the_queue_is_an_arm_that_failed(tmp_path):
    made = two_methods(tmp_path)
    made.queue.path("done", "bema__s3").write_text("{")
    found = results.of(made.path)
    assert found.missing["bema__s3"].startswith("failed: Its file in the queue cannot be read")


def test_an_arm_is_the_same_for_the_driver_and_for_its_run(tmp_path):
    made = two_methods(tmp_path)
    arm = results.of(made.path).result.arms[0]
    assert arm.run_dir == RunDir(tmp_path / "plain__s0").path and math.isfinite(arm.eval("test", 4).metrics["accuracy"])
