"""From the outbox to a score on a real Slurm: what fails there is recorded, and tried again in bounds."""

import json
import os
import re
import signal
import subprocess
import time

import pytest
from waiting import PATIENCE, wait_until

from callsheet import CallsheetError
from callsheet.outbox.store import DONE, FAILED, PARKED, PENDING, EntryStore
from callsheet_plugins.benchmarks import Benchmarks
from callsheet_plugins.benchmarks.dispatch.slurm.settings import SlurmSettings
from plugins.benchmarks.conftest import deliver, entries, events, put, result, start_courier, status

SITE = {"mem": "100M", "cpus": 1, "gpus": 0, "grace_seconds": 1}


def on_slurm(**settings):
    return {"dispatch": "slurm", "slurm": SlurmSettings(**{**SITE, **settings})}


def courier_at_work(run_dir, condition):
    courier = start_courier(run_dir)
    wait_until(condition)
    return courier


def end(courier):
    _, log = courier.communicate(timeout=PATIENCE)
    assert courier.returncode == 0, log


def test_each_checkpoint_is_scored_by_a_job_of_its_own(slurm, run_dir, engine, diary):
    put(run_dir, engine(), 1, 2, **on_slurm())
    deliver(run_dir)
    assert [result(entry)["metrics"] for entry in entries(run_dir, DONE)] == [{"score": 1.0}, {"score": 2.0}]
    assert len(diary("began")) == 2
    ids = [event["handle"] for event in events(run_dir, "benchmark_submitted")]
    assert len(set(ids)) == 2 and all(id.isdigit() for id in ids)


def test_a_cancelled_job_is_recorded_with_its_last_lines_and_tried_again(slurm, run_dir, engine, diary):
    put(run_dir, engine(hang=1), **on_slurm())
    courier = courier_at_work(run_dir, lambda: diary("began"))
    slurm.run("scancel", *slurm.jobs())
    end(courier)
    (entry,) = entries(run_dir, DONE)
    (failed,) = events(run_dir, "benchmark_failed")
    assert result(entry)["metrics"] == {"score": 1.0} and "CANCELLED" in failed["reason"]
    assert "CANCELLED" in failed["last_lines"]
    assert [row["what"] for row in diary()] == ["began", "began", "ended"]


def test_a_job_whose_node_dies_is_tried_again_until_attempts_are_used_up(slurm, run_dir, engine, diary):
    put(run_dir, engine(hang=9), attempts=2, **on_slurm())
    courier = start_courier(run_dir)
    for number in (1, 2):
        wait_until(lambda number=number: len(diary("began")) == number)
        slurm.down()
        wait_until(lambda number=number: len(events(run_dir, "benchmark_failed")) == number)
        slurm.revive()
    end(courier)
    (entry,) = entries(run_dir, FAILED)
    assert "after 2 attempts" in entry.error and "NODE_FAIL" in entry.error and not slurm.jobs()


def test_what_a_job_waits_for_is_written_down_once(slurm, run_dir, engine):
    put(run_dir, engine(), **on_slurm(options={"hold": True}))
    courier = courier_at_work(run_dir, lambda: events(run_dir, "benchmark_waits"))
    slurm.run("scontrol", "release", *slurm.jobs())
    end(courier)
    reasons = [event["reason"] for event in events(run_dir, "benchmark_waits")]
    assert "JobHeldUser" in reasons[0] and len(set(reasons)) == len(reasons)


def test_while_the_controller_is_down_the_job_waits_and_is_submitted_once(slurm, run_dir, engine, diary):
    put(run_dir, engine(), **on_slurm())
    slurm.controller.stop()
    courier = start_courier(run_dir)
    wait_until(
        lambda: any(e.error and "Unable to contact slurm controller" in e.error for e in entries(run_dir, PENDING))
    )
    slurm.restart_controller()
    end(courier)
    assert len(entries(run_dir, DONE)) == 1 and len(diary("began")) == 1
    assert not events(run_dir, "benchmark_failed"), "a controller that is down costs no attempt"


def test_couriers_killed_at_any_moment_submit_a_job_once(slurm, run_dir, engine, diary):
    put(run_dir, engine(sleep=1), 1, 2, 3, **on_slurm())
    for moment in (0.4, 0.7, 0.6, 0.9):
        courier = start_courier(run_dir)
        time.sleep(moment)
        courier.send_signal(signal.SIGKILL)
        courier.communicate()
    deliver(run_dir)
    assert [result(entry)["metrics"]["score"] for entry in entries(run_dir, DONE)] == [1.0, 2.0, 3.0]
    assert len(diary("began")) == len(diary("ended")) == 3 and not events(run_dir, "benchmark_failed")


def test_what_slurm_refuses_is_said_with_the_setting_and_tried_again_with_another(slurm, run_dir, engine):
    put(run_dir, engine(), **on_slurm(partition="nope"))
    deliver(run_dir)
    (entry,) = entries(run_dir, FAILED)
    assert "invalid partition specified: nope" in entry.error and "plugins.benchmarks.slurm: partition" in entry.advice
    running = Benchmarks(**on_slurm(partition="main")).running()
    assert EntryStore(run_dir).retry(entry.id, running=running)  # as `callsheet bench` does
    deliver(run_dir)
    assert [result(entry)["metrics"] for entry in entries(run_dir, DONE)] == [{"score": 1.0}]


def test_settings_of_slurm_outside_their_range_are_refused():
    with pytest.raises(CallsheetError, match=re.escape("plugins.benchmarks.slurm.cpus must be at least 1, got 0")):
        Benchmarks(slurm=SlurmSettings(cpus=0))


def test_a_script_that_nobody_has_run_keeps_nobody_waiting_and_its_score_comes_home(run_dir, engine):
    put(run_dir, engine(), dispatch="script", slurm=SlurmSettings(**SITE))
    deliver(run_dir)
    (entry,) = entries(run_dir, PARKED)
    script = entry.error.rpartition(": ")[2]
    assert script.endswith("job.sh") and not status(run_dir)
    assert subprocess.run(["bash", script], env={**os.environ, "SLURM_CONF": "/nowhere"}).returncode == 0
    EntryStore(run_dir).unpark()
    deliver(run_dir)
    (entry,) = entries(run_dir, DONE)
    assert result(entry)["metrics"] == {"score": 1.0}


def test_a_script_that_failed_is_left_once_more_with_what_became_of_it(run_dir, engine):
    define = {"mine": {"engine": "command", "command": ["false"]}}
    put(run_dir, define, dispatch="script")
    deliver(run_dir)
    (entry,) = entries(run_dir, PARKED)
    subprocess.run(["bash", entry.error.rpartition(": ")[2]])
    EntryStore(run_dir).unpark()
    deliver(run_dir)
    (entry,) = entries(run_dir, PARKED)
    assert entry.error.startswith("Attempt 1 is over: it failed (exit code 1). Its log is ")
    assert entry.error.endswith("attempt-2/job.sh")


@pytest.mark.parametrize("prompt", ['it\'s $(touch executed)\n`touch executed`; "é" %j \\ ' + "x" * 10_000])
def test_a_system_prompt_arrives_byte_for_byte(slurm, run_dir, tmp_path, prompt):
    code = "import sys, json; json.dump({'metrics': {'same': 1.0 * (open(sys.argv[1]).read() == sys.argv[2])}}, open(sys.argv[3], 'w'))"
    command = ["{python}", "-c", code, "{system_prompt_file}", "{system_prompt}", "{results}"]
    define = {"mine": {"engine": "command", "command": command, "system_prompt": prompt}}
    put(run_dir, define, **on_slurm())
    deliver(run_dir)
    (entry,) = entries(run_dir, DONE)
    assert result(entry)["metrics"] == {"same": 1.0} and not list(tmp_path.rglob("executed"))
    (path,) = run_dir.glob("benchmarks/*/attempt-1/command.json")
    assert prompt in json.loads(path.read_text())["argv"]
