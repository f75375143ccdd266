"""halving: who is stopped, what a resumed run reports, and that no journal harms a run."""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mounting import fill, mounted
from optuna.trial import TrialState
from waiting import wait_until

from callsheet import CallsheetError, EvalResult, LogContext, PreflightReport
from callsheet.experiments.search.journal import opened
from callsheet_plugins.halving import Halving

from .streams import STEPS, Stream, order, steps_of

NAN = float("nan")


def trials(experiment: Path, direction: str = "maximize") -> dict[str, Any]:
    found = opened(experiment / "search.log", direction).study.get_trials(deepcopy=False)
    return {trial.user_attrs["arm"]: trial for trial in found}


@pytest.fixture(autouse=True)
def no_warning_of_optuna() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_of_20_arms_on_two_workers_the_best_is_found_in_40_percent_of_the_steps(tmp_path: Path) -> None:
    shares = []
    for seed in range(5):
        (tmp_path / str(seed)).mkdir()
        steps = steps_of(tmp_path / str(seed), order(seed))
        pruned = [arm for arm, trial in trials(tmp_path / str(seed)).items() if trial.state == TrialState.PRUNED]
        assert sorted(pruned) == sorted(f"arm-{arm}" for arm, last in steps.items() if last < STEPS)
        assert len(steps) == 20 and steps[20] == STEPS
        shares.append(sum(steps.values()) / (20 * STEPS))

    assert sum(shares) / 5 <= 0.4, shares


def test_a_run_that_lags_behind_is_stopped_with_a_reason(tmp_path: Path) -> None:
    good = Stream(tmp_path, "good").start().evaluate(10, 0.9).end()
    bad = Stream(tmp_path, "bad").start().evaluate(5, 0.1)
    assert bad.reasons == []
    bad.evaluate(10, 0.123456).evaluate(20, 0.1).end()

    assert good.reasons == [] and bad.reasons == ["halving: score 0.1235 at step 10 lags behind other runs"]
    assert trials(tmp_path)["bad"].state == TrialState.PRUNED


def test_less_can_be_better(tmp_path: Path) -> None:
    less = {"direction": "minimize"}
    for value in (0.5, 0.1):
        assert not Stream(tmp_path, str(value), less).start().evaluate(10, value).end().reasons
    assert Stream(tmp_path, "high", less).start().evaluate(10, 0.9).end().reasons


@pytest.mark.parametrize("value", [NAN, float("inf"), float("-inf")])
def test_what_is_no_number_stops_at_the_first_rung_or_counts_as_it_is(tmp_path: Path, value: float) -> None:
    Stream(tmp_path, "good").start().evaluate(10, 0.9).end()
    run = Stream(tmp_path, "odd").start().evaluate(5, value)
    assert run.reasons == []
    run.evaluate(10, value).end()

    expected = {"nan": ["halving: score nan at step 10"], "inf": []}
    lagging = ["halving: score -inf at step 10 lags behind other runs"]
    assert run.reasons == expected.get(str(value), lagging)
    assert not Stream(tmp_path, "next").start().evaluate(10, 0.95).end().reasons or value == float("inf")


def test_the_last_step_has_nothing_left_to_stop(tmp_path: Path) -> None:
    Stream(tmp_path, "good").start().evaluate(30, 0.9).end()
    late = Stream(tmp_path, "late", last=30).start().evaluate(30, 0.1).end()

    assert late.reasons == [] and trials(tmp_path)["late"].intermediate_values == {30: 0.1}


def test_other_metrics_do_not_count(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = Stream(tmp_path, "run").start().evaluate(10, 0.5, "eval_loss").end()

    assert trials(tmp_path)["run"].intermediate_values == {} and run.reasons == []
    assert "halving: the run has logged no score, and was compared with nobody." in caplog.text


def benchmark(run: Stream, name: str, step: int | None, value: float, weights: str = "raw") -> None:
    result = EvalResult(name, {"exact_match": value}, tags={"weights": weights}, step=step)
    run.plugin.on_benchmark_eval(run.state.ctx, result, [], step)


def test_a_benchmark_counts_with_its_step_and_its_weights(tmp_path: Path) -> None:
    settings = {"metric": "test.exact_match", "weights": "bema"}
    Stream(tmp_path, "good", settings).start().evaluate(10, 0.9, "test.exact_match").end()
    run = Stream(tmp_path, "run", settings).start()
    run.state.step = 25
    benchmark(run, "other", 20, 0.1, "bema")
    benchmark(run, "test", 20, 0.2, "raw")
    benchmark(run, "test", None, 0.3, "bema")
    assert run.reasons == []
    benchmark(run, "test", 20, 0.4, "bema")

    assert len(run.reasons) == 1
    assert trials(tmp_path)["run"].intermediate_values == {20: 0.4}


def test_a_resumed_run_reports_each_step_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Stream(tmp_path, "run").start().evaluate(10, 0.5).evaluate(20, 0.6)
    again = Stream(tmp_path, "run").start(resumed=True)
    again.evaluate(10, 0.5).evaluate(20, 0.7).evaluate(30, 0.8).end()

    assert again.reasons == [] and caplog.messages == []
    assert trials(tmp_path)["run"].intermediate_values == {10: 0.5, 20: 0.6, 30: 0.8}


@pytest.mark.parametrize("resumed", [True, False])
def test_a_run_that_was_stopped_stays_stopped(tmp_path: Path, resumed: bool) -> None:
    Stream(tmp_path, "good").start().evaluate(10, 0.9).end()
    Stream(tmp_path, "bad").start().evaluate(10, 0.1).end()

    assert Stream(tmp_path, "bad").start(resumed).reasons == ["halving: it was stopped before"]


def test_a_failed_run_that_is_tried_again_is_compared_again(tmp_path: Path) -> None:
    Stream(tmp_path, "good").start().evaluate(10, 0.9).end()
    Stream(tmp_path, "run").start().evaluate(5, 0.1)
    study = opened(tmp_path / "search.log", "maximize").study
    study.tell(1, state=TrialState.FAIL)

    assert Stream(tmp_path, "run").start().evaluate(10, 0.1).end().reasons
    assert [trial.state for trial in study.trials] == [TrialState.RUNNING, TrialState.FAIL, TrialState.PRUNED]


def test_a_run_with_its_final_score_is_not_compared_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Stream(tmp_path, "good").start().evaluate(10, 0.9).end()
    Stream(tmp_path, "done").start().evaluate(5, 0.1).end()
    opened(tmp_path / "search.log", "maximize").study.tell(1, 0.1)

    assert Stream(tmp_path, "done").start().evaluate(10, 0.1).end().reasons == []
    assert "done has its final score" in caplog.text


def garbage(path: Path) -> None:
    path.write_text("no journal\nat all\n")


def of_another_direction(path: Path) -> None:
    opened(path, "minimize")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (Path.mkdir, "is a folder, no regular file"),
        (os.mkfifo, "is a FIFO, no regular file"),
        (lambda path: path.symlink_to("elsewhere"), "is a symbolic link"),
        (garbage, "search.log, line 1: this is no line of Optuna's journal. The run goes on."),
        (of_another_direction, "direction: minimize, and this one has direction: maximize"),
    ],
)
def test_a_journal_that_cannot_be_used_is_said_once_and_the_run_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, harm: Callable[[Path], Any], said: str
) -> None:
    harm(tmp_path / "search.log")

    run = Stream(tmp_path, "run").start().evaluate(10, 0.5).evaluate(20, 0.5).end()

    assert run.reasons == [] and len(caplog.messages) == 1
    assert caplog.messages[0].startswith(f"halving could not use {tmp_path}/search.log: ") and said in caplog.text
    assert run.state.ctx.remarks["halving"].startswith("could not compare this run all the time: ")


def test_a_full_disk_is_said_and_the_others_report_when_there_is_room_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with mounted(tmp_path / "disk", "size=64k") as disk:
        run = Stream(disk, "run").start().evaluate(10, 0.5)
        filler = fill(disk, 0)
        for step in range(11, 60):
            run.evaluate(step, 0.5)
        assert not (disk / "search.log").read_bytes().endswith(b"\n")  # what fitted of a line
        filler.unlink()
        run.evaluate(70, 0.5).end()
        other = Stream(disk, "other").start().evaluate(10, 0.1).end()
        found = trials(disk)

    assert run.reasons == [] and other.reasons and len(caplog.messages) == 1
    assert "No space left on device" in caplog.text
    assert found["run"].intermediate_values.get(70) == 0.5


def test_training_waits_for_a_locked_journal_once_and_hears_of_its_answer_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Stream(tmp_path, "good").start().evaluate(10, 0.9).end()
    run = Stream(tmp_path, "bad", {"wait_seconds": 0.05}).start()
    lock = tmp_path / "search.log.lock"
    lock.touch()

    run.evaluate(10, 0.1).evaluate(11, 0.1).evaluate(12, 0.1)
    assert run.reasons == [] and len(caplog.messages) == 1
    assert "it is locked, or its disk is slow, and training no longer waits for it. The run goes on." in caplog.text

    lock.unlink()
    wait_until(lambda: trials(tmp_path)["bad"].state == TrialState.PRUNED)
    run.evaluate(13, 0.1)
    assert run.reasons == ["halving: score 0.1 at step 10 lags behind other runs"]


def test_a_lock_that_is_never_released_does_not_hold_up_the_end(tmp_path: Path) -> None:
    run = Stream(tmp_path, "run", {"wait_seconds": 0.05}).start()
    lock = tmp_path / "search.log.lock"
    lock.touch()

    run.evaluate(10, 0.5).end()

    assert run.reasons == [] and lock.exists()
    lock.unlink()  # or the thread would wait for it through the tests to come


def test_it_draws_no_random_number(tmp_path: Path) -> None:
    import numpy as np
    import torch

    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # type: ignore[index,union-attr]
    Stream(tmp_path, "run").start().evaluate(10, 0.5).end()
    after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # type: ignore[index,union-attr]

    assert before == after


def test_a_real_run_is_stopped_and_is_the_same_until_then(run_demo: Callable[..., Any]) -> None:
    settings = ["plugins=[halving]", "plugins.halving.metric=eval_loss", "plugins.halving.direction=minimize"]
    plain = run_demo("plugins=[]", output_dir="plain")
    good = run_demo(*settings, "plugins.halving.min_steps=2", output_dir="good")
    bad = run_demo(*settings, "plugins.halving.min_steps=2", "trainer.args.learning_rate=1e-9", output_dir="bad")

    assert weights(good, 4) == weights(plain, 4)
    assert (good.result.status, bad.result.status, bad.state.step) == ("completed", "stopped", 2)
    assert bad.stopped_by.startswith("halving: eval_loss ") and bad.stopped_by.endswith(
        "at step 2 lags behind other runs"
    )
    events = [*bad.run_dir.rows("events.jsonl")]
    assert [event["plugin"] for event in events if event["event"] == "requested"] == ["halving"]


def weights(session: Any, step: int) -> bytes:
    return bytes((session.run_dir.path / f"checkpoint-{step}" / "model.safetensors").read_bytes())


def preflight(config: dict[str, Any] | None = None, **settings: Any) -> PreflightReport:
    report = PreflightReport()
    context = LogContext(Path("run"), run_config=config or {})
    Halving(**{"metric": "eval_loss", "min_steps": 10, **settings}).preflight(context, report)
    return report


def test_without_optuna_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callsheet_plugins.halving.plugin.find_spec", lambda name: None)

    assert preflight().problems == ["Plugin 'halving' needs the package optuna: pip install 'callsheet[search]'."]


def test_what_cannot_be_right_is_said_before_training(tmp_path: Path) -> None:
    assert preflight().problems == preflight().warnings == []
    assert "there is no such folder" in preflight(journal=str(tmp_path / "a" / "b.log")).problems[0]
    assert preflight(journal=str(tmp_path / "b.log")).problems == []
    assert "eval_a_loss" in preflight({"dataset": {"eval": {"a": {}}}}).problems[0]
    short = {"trainer": {"args": {"max_steps": 10}}}
    assert preflight(short).warnings == ["plugins.halving.min_steps=10 stops nobody: the run takes 10 steps."]


@pytest.mark.parametrize("settings", [{"min_steps": 0}, {"factor": 1}, {"direction": "up"}, {"wait_seconds": 0}])
def test_settings_out_of_range_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(CallsheetError):
        Halving(**{"metric": "score", "min_steps": 1, **settings})


def test_it_imports_lightly(imports_lightly: Callable[[str], None]) -> None:
    imports_lightly("callsheet_plugins.halving")
