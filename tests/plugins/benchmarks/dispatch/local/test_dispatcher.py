"""Jobs on this machine: what is scored, how often, and what becomes of those that go wrong."""

import json
import os
import shutil
import signal

import pytest
from waiting import PATIENCE, wait_until

from callsheet_plugins.benchmarks.dispatch import attempts
from callsheet_plugins.benchmarks.dispatch.contract import Attempt
from callsheet_plugins.benchmarks.dispatch.local.dispatcher import Local
from plugins.benchmarks.conftest import alive, deliver, entries, events, put, result, scored, start_courier, status


def test_a_checkpoint_is_scored_from_its_snapshot_though_it_was_rotated_away(run_dir, engine, diary):
    put(run_dir, engine(), 7)
    shutil.rmtree(run_dir / "checkpoint-7")
    deliver(run_dir)
    (done,) = scored(run_dir)
    got = result(done)
    assert got["metrics"] == {"score": 7.0} and (got["step"], got["name"]) == (7, "mine")
    assert got["tags"]["weights"] == "raw" and got["eval_seconds"] > 0
    predictions = (run_dir / done.result["evals"][0]["predictions"]).read_text()
    assert json.loads(predictions) == {"prompt": "a", "answer": "b"}
    assert not any((run_dir / "snapshots").iterdir())


def test_what_only_training_needs_is_not_linked(run_dir, engine):
    put(run_dir, engine(), 1)
    (snapshot,) = (run_dir / "snapshots").iterdir()
    assert {path.name for path in snapshot.iterdir()} == {"model.safetensors", "config.json"}


def test_the_same_model_and_settings_are_one_job_and_other_settings_another(run_dir, engine, diary):
    for settings in ({}, {}, {"attempts": 5}):
        put(run_dir, engine(), 1, **settings)
        shutil.rmtree(run_dir / "checkpoint-1")
        deliver(run_dir)
    assert len(diary("began")) == 1
    put(run_dir, engine(sleep=0.1), 1)
    deliver(run_dir)
    assert len(diary("began")) == 2


def test_no_more_jobs_run_at_once_than_there_are_slots_and_the_oldest_goes_first(run_dir, engine, diary):
    put(run_dir, engine(sleep=0.1, meet=2), *range(1, 7), slots=2)
    deliver(run_dir)
    running = most = 0
    for row in diary():
        running += 1 if row["what"] == "began" else -1
        most = max(most, running)
    assert most == 2
    assert sorted(result(entry)["step"] for entry in scored(run_dir)) == [*range(1, 7)]
    assert {row["model"].rpartition("checkpoint-")[2][0] for row in diary("began")[:2]} == {"1", "2"}


@pytest.mark.parametrize("moment", ["at once", "begun", "running", "ended"])
def test_a_courier_that_is_killed_never_has_a_job_run_twice(run_dir, engine, diary, moment):
    put(run_dir, engine(sleep=1.0), 1, 2)
    first = start_courier(run_dir)
    if moment == "at once":
        wait_until(lambda: list(run_dir.glob("benchmarks/*/attempt-1")))
    if moment == "begun":
        wait_until(lambda: list(run_dir.glob("benchmarks/*/attempt-1/command.json")))
    if moment in ("running", "ended"):
        wait_until(lambda: diary("began"))
    first.kill()
    first.wait()
    if moment == "ended":
        wait_until(lambda: diary("ended"))
    deliver(run_dir)
    assert len(diary("began")) == len(diary("ended")) == 2
    assert [entry.attempts for entry in scored(run_dir)] == [1, 1]


def test_a_failed_attempt_is_recorded_with_the_last_lines_of_its_log_and_retried(run_dir, engine, diary):
    put(run_dir, engine(fail=1), 1)
    deliver(run_dir)
    assert [len(scored(run_dir)), len(diary("began"))] == [1, 2]
    (event,) = events(run_dir, "benchmark_failed")
    assert event["last_lines"].endswith("it cannot go on") and event["attempt"] == 1
    assert "exit code 3" in event["reason"] and event["log"].endswith("attempt-1/log.txt")


def test_a_job_that_always_fails_is_given_up_naming_engine_command_and_log_and_can_be_retried(run_dir, engine, diary):
    put(run_dir, engine(fail=3), 1)
    deliver(run_dir)
    (failed,) = entries(run_dir, "failed")
    assert "'mine' (command) failed after 2 attempts" in failed.error and "it cannot go on" in failed.error
    assert "engine.py" in failed.advice and "attempt-2/log.txt" in failed.advice
    from callsheet.outbox.store import EntryStore

    EntryStore(run_dir).retry(failed.id)
    deliver(run_dir)
    assert len(diary("began")) == 4 and len(scored(run_dir)) == 1


def test_a_job_that_takes_too_long_is_ended(run_dir, engine, diary):
    put(run_dir, engine(hang=1), 1, seconds=4)
    deliver(run_dir)
    (event,) = events(run_dir, "benchmark_failed")
    assert "longer than it may" in event["reason"] and len(scored(run_dir)) == 1
    assert not alive(diary("began")[0]["pid"])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_job_that_was_told_to_stop_or_vanished_is_begun_anew_once_it_is_gone(run_dir, engine, diary, how):
    put(run_dir, engine(hang=1), 1)
    courier = start_courier(run_dir)
    wait_until(lambda: diary("began"))
    os.kill(status(run_dir)["pid"], how)
    assert courier.wait(PATIENCE) == 0
    first, second = diary("began")
    assert not alive(first["pid"]) and first["pid"] != second["pid"]
    (event,) = events(run_dir, "benchmark_failed")
    assert ("told to stop" if how == signal.SIGTERM else "vanished") in event["reason"]


def attempt_at(folder, *argv):
    """An attempt that is ready to be started."""
    (folder / "out").mkdir(parents=True)
    attempts.write_command(folder, list(argv), {}, str(folder / "out"), None, 0)
    return Attempt(folder, "callsheet-test")


def test_what_an_engine_left_running_is_gone_before_the_next_attempt(tmp_path):
    """The system kills the engine with its runner, not what the engine has started."""
    attempt = attempt_at(tmp_path / "attempt-1", "sh", "-c", "sleep 600 & echo $! > child; wait")
    local = Local(tmp_path, {})
    handle = local.submit(attempt)
    child = attempt.folder / "out" / "child"
    wait_until(lambda: child.exists() and child.read_text())
    wait_until(lambda: "engine" in json.loads((attempt.folder / "status.json").read_text()))
    os.kill(json.loads((attempt.folder / "status.json").read_text())["pid"], signal.SIGKILL)
    wait_until(lambda: local.look(attempt, handle).state == "lost")
    assert alive(int(child.read_text()))
    local.cancel(attempt, handle)
    wait_until(lambda: not alive(int(child.read_text())))


def test_devices_are_shared_out_over_the_slots(run_dir):
    assert [Local(run_dir, {"slots": 2, "devices": [4, 5, 6]})._devices_of(slot) for slot in (0, 1)] == ["4,6", "5"]
    assert [Local(run_dir, {"slots": 2, "devices": [4]})._devices_of(slot) for slot in (0, 1)] == ["4", "4"]
    assert Local(run_dir, {"slots": 2})._devices_of(0) == ""


def test_a_job_that_was_written_down_and_not_begun_runs_where_the_run_lies_now(run_dir, engine, diary, tmp_path):
    put(run_dir, engine(until=str(tmp_path / "enough")), 1, 2)
    first = start_courier(run_dir)
    wait_until(lambda: len([*run_dir.glob("benchmarks/*/attempt-1/command.json")]) == 2 and diary("began"))
    first.kill()
    first.communicate()
    (tmp_path / "enough").touch()
    wait_until(lambda: any('"succeeded"' in path.read_text() for path in run_dir.glob("benchmarks/*/*/status.json")))
    moved = run_dir.rename(tmp_path / "moved")
    deliver(moved)
    assert len(scored(moved)) == 2 and len(diary("began")) == 2 and not run_dir.exists()
