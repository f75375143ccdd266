"""An arm from its run directory, and what it says of scores."""

import json
import math

import pytest

from callsheet import ArmResult, EvalResult, ExperimentResult, Plugin, RunResult, hookimpl
from callsheet.rundir.rundir import RunDir
from callsheet.session.recorded.arm import recorded


def scored(name="test", step=4, weights="raw", **metrics):
    return EvalResult(name, metrics or {"accuracy": 0.5}, tags={"weights": weights}, step=step)


ARM = ArmResult(
    "plain__s1",
    result=RunResult("completed", metrics={"eval_loss": 1.5, "eval_a.b": 2.0}),
    evals=[
        scored(step=8, accuracy=0.8, empty=math.nan),
        scored(step=8, weights="bema", accuracy=0.9),
        scored(step=9, weights="bema", accuracy=0.95),
        scored(step=4, accuracy=0.4),
        scored("gsm8k.cot", step=None, strict=0.3),
    ],
)


@pytest.mark.parametrize(
    ("name", "value"),
    [("test.accuracy", 0.95), ("gsm8k.cot.strict", 0.3), ("eval_loss", 1.5), ("eval_a.b", 2.0)],
)
def test_a_score_has_the_name_of_its_benchmark_or_is_the_trainers(name, value):
    assert ARM.score(name) == value


def test_the_weights_of_the_arm_are_scored_or_else_raw():
    raw = ArmResult("plain", evals=ARM.evals, weights="raw")
    assert (raw.score("test.accuracy"), raw.eval("test").step) == (0.8, 8)
    assert ARM.eval("test", step=8).metrics["accuracy"] == 0.8
    assert math.isnan(raw.score("test.empty"))
    with pytest.raises(KeyError, match="no score 'test' of the weights 'ema', only of raw, bema"):
        ArmResult("plain", evals=ARM.evals, weights="ema").eval("test")


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: ARM.score("test.acuracy"), "Did you mean 'test.accuracy'"),
        (lambda: ARM.score("evalloss"), "Did you mean 'eval_loss'"),
        (lambda: ARM.eval("tset"), "Did you mean 'test'"),
        (lambda: ARM.eval("test", step=5), "no score of 'test' at step 5"),
        (lambda: ArmResult("x").score("test.accuracy"), "It has none"),
    ],
)
def test_a_name_that_nothing_has_offers_the_nearest(ask, said):
    with pytest.raises(KeyError, match=said):
        ask()


def test_an_arm_takes_from_its_result_what_is_not_given():
    assert (ARM.status, ARM.metrics["eval_loss"], ARM.method, ARM.run_result) == (
        "completed",
        1.5,
        "plain__s1",
        ARM.result,
    )
    assert ArmResult("x", status="skipped", result=RunResult("failed")).status == "skipped"
    assert ARM.eval_metrics["test"] == {"accuracy": 0.95} and ARM.eval_breakdowns == {"test": {}, "gsm8k.cot": {}}
    assert ExperimentResult([ARM, ArmResult("y", status="skipped")]).status == "skipped"


def run_of(folder, **fields):
    folder.mkdir(exist_ok=True)
    (folder / "run.json").write_text(json.dumps({"format": 1, "run": folder.name, "status": "running", **fields}))
    return RunDir(folder, is_main=False)


TIMES = {"started": "2026-11-20T09:00:00.000+00:00", "ended": "2026-11-20T09:01:00.000+00:00"}


def test_a_run_directory_says_how_the_arm_ended(tmp_path):
    outcome = {"status": "completed", "step": 8, "metrics": {"eval_loss": None}, "seconds": 5.0, "run_id": "t7"}
    attempts = [TIMES, {"started": "x"}, TIMES]
    run = run_of(tmp_path / "run", status="completed", outcome=outcome, attempts=attempts, config={"seed": 1})
    (run.path / "evals.jsonl").write_text(
        json.dumps({"name": "t", "metrics": {"a": 1}, "step": 8, "eval_seconds": 2.5})
    )
    arm = recorded(ArmResult("run"), run)
    assert (arm.status, arm.run_id, arm.train_seconds, arm.eval_seconds) == ("completed", "t7", 65.0, 2.5)
    assert (arm.run_config, arm.score("t.a"), arm.run_dir) == ({"seed": 1}, 1, run.path)
    assert math.isnan(arm.score("eval_loss"))


def test_a_run_that_has_not_ended_has_no_result(tmp_path):
    assert recorded(ArmResult("run"), run_of(tmp_path / "run")).run_result is None
    assert recorded(ArmResult("run"), RunDir(tmp_path / "none", is_main=False)) == ArmResult("run")


class Ending(Plugin):
    """Keeps what it is told at the end."""

    @hookimpl
    def on_step_end(self, state, step_idx, batch, metrics):
        state.report_eval(EvalResult("words", {"a": step_idx}, breakdowns={"easy": {"a": 1}}, eval_seconds=0.5))

    @hookimpl
    def on_run_end(self, ctx, run_result, arm):
        self.arm = arm

    @hookimpl
    def on_experiment_end(self, ctx, result):
        self.result = result


def test_a_plain_run_is_told_the_same_as_its_directory_says(run_demo):
    told = Ending(on_error="raise")
    run_demo("plugins=[]", "trainer.args.max_steps=2", plugins=[told])
    arm = told.arm
    assert told.result.arms[0] is arm and (arm.score("words.a"), arm.eval("words", 1).metrics) == (2, {"a": 1})
    assert arm.eval_breakdowns == {"words": {"easy": {"a": 1}}} and arm.eval_seconds == 1.0 and arm.train_seconds > 0
    assert arm.run_config["trainer"]["args"]["max_steps"] == 2
    again = recorded(ArmResult(arm.name), RunDir(arm.run_dir, is_main=False))
    assert (again.evals, again.status, again.run_id) == (arm.evals, "completed", arm.run_id)
    assert again.metrics == arm.metrics and again.run_config == arm.run_config
