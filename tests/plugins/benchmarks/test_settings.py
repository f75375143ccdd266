"""How long a job may take, whoever says so."""

import json
import os
import signal

import pytest
from waiting import wait_until

from callsheet import CallsheetError
from callsheet.outbox.courier.backoff import Backoff
from callsheet.outbox.courier.worker import Worker
from callsheet.outbox.store import EntryStore
from callsheet_plugins.benchmarks import Benchmarks, handler
from plugins.benchmarks.conftest import alive, deliver, entries, put, status

SIX_HOURS = 21_600


def command(run_dir):
    (path,) = run_dir.glob("benchmarks/*/attempt-1/command.json")
    return json.loads(path.read_text())


@pytest.mark.parametrize(
    ("settings", "seconds"),
    [
        ({}, SIX_HOURS),
        ({"seconds": None}, SIX_HOURS),
        ({"seconds": 90}, 90),
        ({"dispatch": "script"}, SIX_HOURS),
        ({"dispatch": "script", "slurm": {"time": "1-12"}}, 129_600),
        ({"dispatch": "script", "slurm": {"time": "1-12"}, "seconds": 90}, 90),
        ({"dispatch": "script", "slurm": {"time": "UNLIMITED"}}, SIX_HOURS),
    ],
)
def test_every_job_has_a_time_limit(run_dir, engine, settings, seconds):
    from callsheet_plugins.benchmarks.dispatch.slurm.settings import SlurmSettings

    if "slurm" in settings:
        settings = {**settings, "slurm": SlurmSettings(**settings["slurm"])}
    put(run_dir, engine(), 1, **settings)
    deliver(run_dir)
    assert command(run_dir)["seconds"] == seconds
    if "dispatch" in settings:
        (script,) = run_dir.glob("benchmarks/*/attempt-1/job.sh")
        time = settings["slurm"].time if "slurm" in settings else (SIX_HOURS + 300) // 60
        assert f'#SBATCH "--time={time}"' in script.read_text().splitlines()


def test_what_was_scored_before_there_was_a_limit_is_not_scored_again(run_dir, engine):
    put(run_dir, engine(), 1)
    deliver(run_dir)
    (entry,) = entries(run_dir, "done")
    assert entry.payload["settings"]["seconds"] is None


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan"), 1e9])
def test_no_limit_is_none(seconds):
    with pytest.raises(CallsheetError, match="seconds"):
        Benchmarks(seconds=seconds)
    with pytest.raises(CallsheetError, match="seconds"):
        Benchmarks(define={"mine": {"engine": "command", "seconds": seconds}})


def test_a_job_whose_runner_hangs_is_ended_by_the_courier(run_dir, engine, diary, monkeypatch):
    monkeypatch.setattr(handler, "OVERDUE_SECONDS", 0.0)
    put(run_dir, engine(hang=1), 1, seconds=1, attempts=1)
    store, worker = EntryStore(run_dir), Worker(run_dir, Backoff(0.01, 0.01))

    def carry_out():
        for id in store.ids("pending"):
            if store.claim(id):
                worker.attempt(store.read("active", id), lambda done, total: None, list)

    def stopped():
        carry_out()
        if "engine" in (found := status(run_dir)) and found["state"] == "running":
            os.kill(found["pid"], signal.SIGSTOP)
            return True
        return False

    wait_until(stopped)
    wait_until(lambda: carry_out() or store.ids("failed"))
    (failed,) = entries(run_dir, "failed")
    assert "its runner did not end it" in failed.error
    assert not alive(status(run_dir)["pid"]) and not alive(status(run_dir)["engine"]["pid"])
