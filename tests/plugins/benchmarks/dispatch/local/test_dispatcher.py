"""Jobs on this machine: what is scored, how often, and what becomes of those that go wrong."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time

import pytest
from waiting import PATIENCE, wait_until

from callsheet_plugins.benchmarks.dispatch import attempts, runner
from callsheet_plugins.benchmarks.dispatch.contract import Attempt
from callsheet_plugins.benchmarks.dispatch.local import processes
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


def run_by_runner(folder):
    return subprocess.Popen([sys.executable, "-I", "-S", runner.__file__, str(folder)])


@pytest.mark.parametrize("code", [0, 3])
def test_what_an_engine_left_in_a_session_of_its_own_is_ended_too(tmp_path, code):
    daemon = "setsid sh -c 'echo $$ > child; sleep 600' & until [ -s child ]; do sleep 0.05; done"
    attempt = attempt_at(tmp_path / "attempt-1", "sh", "-c", f"{daemon}; exit {code}")
    assert run_by_runner(attempt.folder).wait(PATIENCE) == code
    assert not alive(int((attempt.folder / "out" / "child").read_text()))


def test_a_disk_that_is_full_for_a_while_costs_no_result(tmp_path):
    attempt = attempt_at(tmp_path / "attempt-1", "sh", "-c", "until [ -e go ]; do sleep 0.05; done")
    process, status = run_by_runner(attempt.folder), attempt.folder / "status.json"
    wait_until(lambda: status.exists() and "engine" in json.loads(status.read_text()))
    _, most = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, most))
    (attempt.folder / "out" / "go").touch()
    wait_until(lambda: not alive(json.loads(status.read_text())["engine"]["pid"]))
    time.sleep(0.5)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, most))
    assert process.wait(PATIENCE) == 0 and json.loads(status.read_text())["state"] == "succeeded"


@pytest.mark.parametrize("code", [0, 1])
def test_a_secret_that_an_engine_prints_is_blanked_in_its_log(run_dir, monkeypatch, code):
    monkeypatch.setenv("HF_TOKEN", secret := "hf_" + "x" * 34)
    said = f"echo bytes $HF_TOKEN; printf '\\377\\n'; echo '{{\"metrics\": {{\"a\": 1}}}}' > $0; exit {code}"
    put(run_dir, {"mine": {"engine": "command", "command": ["sh", "-c", said, "{results}"]}}, attempts=1)
    deliver(run_dir)
    (log,) = run_dir.glob("benchmarks/*/attempt-1/log.txt")
    assert log.read_bytes() == b"bytes ***\n\xff\n"
    assert not [path for path in run_dir.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


def test_a_process_that_got_the_number_of_another_is_left_alone(tmp_path):
    innocent = subprocess.Popen(["sleep", "600"], start_new_session=True)
    processes.kill_group(innocent.pid, "an earlier birth")
    assert innocent.poll() is None and processes.born(innocent.pid)
    processes.kill_group(innocent.pid, processes.born(innocent.pid))
    assert innocent.wait(PATIENCE) == -signal.SIGKILL


def test_of_several_runners_of_one_attempt_one_runs_the_engine(tmp_path):
    attempt = attempt_at(tmp_path / "attempt-1", "sh", "-c", "echo began >> diary; sleep 0.5")
    command = [sys.executable, "-I", "-S", runner.__file__, str(attempt.folder)]
    assert [process.wait(PATIENCE) for process in [subprocess.Popen(command) for _ in range(4)]] == [0, 0, 0, 0]
    assert (attempt.folder / "out" / "diary").read_text() == "began\n"
    assert json.loads((attempt.folder / "status.json").read_text())["state"] == "succeeded"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"silent": True}, "There is no results file results.json"),
        ({"text": "{"}, "cannot be read as JSON"),
        ({"text": "[]"}, 'no object with "metrics"'),
        ({"text": '{"metrics": {"a": "b"}}'}, "a='b'"),
        ({"text": '{"metrics": {}}'}, "at least one number"),
        ({"text": '{"metrics": {"a": 1}, "predictions": 3}'}, "no list of objects"),
        ({"text": '{"metrics": {"a": 1}, "breakdowns": {"part": {}}}'}, '"breakdowns" of results.json must name'),
        ({"text": '{"metrics": {"a": 1%s}}' % ("0" * 400)}, "OverflowError"),
        ({"text": "[" * 50_000}, "RecursionError"),
    ],
)
def test_results_that_never_came_or_are_malformed_say_what_is_wrong(run_dir, engine, spec, said):
    put(run_dir, engine(**spec), 1, attempts=1)
    deliver(run_dir)
    (failed,) = entries(run_dir, "failed")
    assert said in failed.error and "'mine' (command)" in failed.error and "log.txt" in failed.advice


def test_a_program_that_is_not_there_fails_with_its_name(run_dir):
    put(run_dir, {"mine": {"engine": "command", "command": ["/nowhere/score", "{model}"]}}, 1, attempts=1)
    deliver(run_dir)
    (failed,) = entries(run_dir, "failed")
    assert "No such file or directory: '/nowhere/score'" in failed.error


ODD = 'it\'s "odd" `id` $(touch owned) ; rm -rf ~ \\ {model} %s \t\r\n\n— ünïcode 🦜 \x7f' + "x y\n" * 2500
SHOW = """
import json, sys
from pathlib import Path
content = Path(sys.argv[3]).read_bytes().decode()
Path(sys.argv[1]).write_text(json.dumps({"metrics": {"n": len(sys.argv)}, "predictions": [{"argv": sys.argv[2:], "file": content}]}))
"""


def test_prompts_and_tasks_full_of_what_a_shell_would_love_arrive_byte_for_byte(run_dir, tmp_path):
    script = tmp_path / "show me.py"
    script.write_text(SHOW)
    command = ["{python}", str(script), "{results}", "{system_prompt}", "{system_prompt_file}", "--task={task}"]
    task = "a b'c\"$(touch owned)\n;`id`"
    define = {"mine": {"engine": "command", "command": command, "task": task}}
    put(run_dir, define, 1, config={"dataset": {"system_prompt": ODD}})
    deliver(run_dir)
    (done,) = scored(run_dir)
    (row,) = [json.loads(line) for line in (run_dir / done.result["evals"][0]["predictions"]).open()]
    assert row["argv"][0] == row["file"] == ODD and row["argv"][2] == f"--task={task}"
    assert not [path for path in tmp_path.rglob("owned")]


def test_a_prompt_too_long_for_an_argument_travels_in_a_file(run_dir, tmp_path):
    script, long = tmp_path / "show.py", "p" * 300_000
    script.write_text(SHOW)
    command = ["{python}", str(script), "{results}", "x", "{system_prompt_file}"]
    put(run_dir, {"mine": {"engine": "command", "command": command}}, 1, config={"dataset": {"system_prompt": long}})
    deliver(run_dir)
    (done,) = scored(run_dir)
    (row,) = [json.loads(line) for line in (run_dir / done.result["evals"][0]["predictions"]).open()]
    assert row["file"] == long


def test_a_command_sees_the_modules_beside_its_script_and_no_gpu(run_dir, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    (tmp_path / "beside.py").write_text("import os\nGPUS = os.environ['CUDA_VISIBLE_DEVICES']")
    script = tmp_path / "score.py"
    script.write_text(
        "import beside, json, os, sys\n"
        "json.dump({'metrics': {'gpus': len(beside.GPUS), 'threads': int(os.environ['OMP_NUM_THREADS'])}}, open(sys.argv[1], 'w'))"
    )
    put(run_dir, {"mine": {"engine": "command", "command": [sys.executable, "score.py", "{results}"]}}, 1, threads=3)
    deliver(run_dir)
    (failed,) = entries(run_dir, "failed")
    assert "score.py" in failed.error, "a relative path is meant from where the run was started"
    monkeypatch.chdir(tmp_path)
    put(run_dir, {"mine": {"engine": "command", "command": [sys.executable, "score.py", "{results}"]}}, 2, threads=3)
    deliver(run_dir)
    assert result(scored(run_dir)[0])["metrics"] == {"gpus": 0.0, "threads": 3.0}


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
