"""What is said of a run that works, waits, ended, or was killed, and which command goes on."""

import json
import os
import shlex
import signal
import stat

import pytest

from callsheet import Plugin, hookimpl
from callsheet.process.signals import Interrupted
from callsheet.rundir.rundir import LOCK, RunDir
from callsheet.session.reopen import reopened
from callsheet.session.status import status_of

OVERRIDES = [
    "recipe=demo",
    "++trainer.args.max_steps=9",
    "more_plugins=[csv_metrics]",
    "output_dir=old",
    "resume=never",
]


def run_of(folder, status="running", **fields):
    """A run as its files tell of it."""
    folder.mkdir(exist_ok=True)
    about = {"run": folder.name, "status": status, "max_steps": 9, "cwd": os.getcwd(), "overrides": OVERRIDES}
    attempts = [{"started": "2026-11-20T09:30:00.000+00:00", "pid": 4, "host": "node7"}]
    (folder / "run.json").write_text(json.dumps({**about, "attempts": attempts, **fields}))
    (folder / "config.yaml").write_text("plugins: {}\n")
    (folder / "metrics.jsonl").write_text('{"step": 4, "loss": 1.0}\n{"step": 6, "lo')
    return folder


def test_a_run_that_was_killed_is_dead_and_its_command_goes_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = status_of(run_of(tmp_path / "run"))
    assert (found.state, found.step, found.steps, found.checkpoint) == ("dead", 4, 9, None)
    assert found.why.startswith("The process was killed, or its machine failed: it left no word.")
    again = "callsheet train recipe=demo trainer.args.max_steps=9 '+plugins=[csv_metrics]' output_dir=run"
    assert found.commands == (again,)


def test_from_another_folder_the_command_goes_there_first_and_back_to_the_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = run_of(tmp_path / "my run")
    (tmp_path / "elsewhere").mkdir()
    moved = run.rename(tmp_path / "elsewhere" / "my run")
    monkeypatch.chdir(tmp_path / "elsewhere")
    words = shlex.split(status_of(moved).commands[0])
    assert words[:4] == ["cd", str(tmp_path), "&&", "callsheet"] and words[-1] == f"output_dir={moved}"


def test_a_run_at_work_needs_nothing(tmp_path):
    run = RunDir(run_of(tmp_path / "run"))
    run.open()
    found = status_of(run.path)
    assert found.state == "alive" and not found.commands and f"kill -TERM {os.getpid()}" in found.hint


def test_a_run_that_waits_for_its_outbox_waits(tmp_path):
    run = RunDir(run_of(tmp_path / "run", "completed"))
    (run.path / "outbox" / "pending").mkdir(parents=True)
    (run.path / "outbox" / "pending" / "a.json").write_text('{"id": "a", "kind": "k", "key": "a"}')
    run.open()
    found = status_of(run.path)
    assert found.state == "waiting" and "waits for its outbox: 1 left" in found.why and not found.commands
    run.close()
    found = status_of(run.path)
    assert found.state == "completed" and found.commands == (f"callsheet outbox drain {run.path}",)


def test_a_run_whose_outbox_is_drained_says_by_whom(tmp_path):
    run = RunDir(run_of(tmp_path / "run", "interrupted"))
    run.open("draining its outbox")
    assert (
        f"process {os.getpid()} on " in status_of(run.path).why and "is draining its outbox" in status_of(run.path).why
    )


@pytest.mark.parametrize(
    ("outcome", "why"),
    [
        ({"status": "stopped", "stopped_by": "enough"}, "a plugin stopped it: enough"),
        ({"status": "failed", "error": "PluginFailure: no"}, "PluginFailure: no"),
        ({"status": "interrupted", "signal": "SIGTERM", "error": None}, "stopped by SIGTERM"),
        ({"status": "completed"}, "it took all its steps"),
    ],
)
def test_the_end_of_a_run_is_told_with_its_reason(tmp_path, outcome, why):
    found = status_of(run_of(tmp_path / "run", outcome["status"], outcome=outcome))
    assert (found.state, found.why) == (outcome["status"], why)
    assert bool(found.commands) is (outcome["status"] in ("failed", "interrupted"))


def test_of_a_run_on_another_machine_what_is_not_known_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("callsheet.rundir.liveness.MOUNTS", tmp_path / "none")
    run = run_of(tmp_path / "run")
    (run / LOCK).write_text("process 4 on node7, training")
    found = status_of(run)
    assert found.state == "unknown" and found.hint == f"Ask on node7: callsheet status {run}"


@pytest.mark.parametrize(
    ("squeue", "state", "why"),
    [
        ("echo 'PENDING|Resources'", "waiting", "its Slurm job 12 waits to begin again (Resources)"),
        ("echo 'RUNNING|None'", "unknown", "Its Slurm job 12 is RUNNING."),
        ("echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1", "dead", "(Its Slurm job 12 is over.)"),
        ("true", "dead", "(Its Slurm job 12 is over.)"),
        ("echo 'Unable to contact slurm controller' >&2; exit 1", "unknown", "locks may end at a machine"),
    ],
)
def test_slurm_is_asked_where_the_lock_says_nothing(tmp_path, monkeypatch, squeue, state, why):
    """By a squeue that says what Slurm's does; tests/core/distributed/test_slurm_jobs.py asks the real one."""
    program = tmp_path / "squeue"
    program.write_text(f"#!/bin/sh\n{squeue}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("callsheet.rundir.liveness.MOUNTS", tmp_path / "none")
    run = run_of(tmp_path / "run", attempts=[{"pid": 4, "host": "node7", "slurm_job": "12"}])
    (run / LOCK).write_text("process 4 on node7, training")
    found = status_of(run)
    assert found.state == state and why in found.why


def test_whoever_takes_over_a_dead_run_writes_that_it_was_killed(tmp_path):
    run = run_of(tmp_path / "run")
    with reopened(run):
        pass
    about = RunDir(run, is_main=False).run()
    assert about["status"] == about["attempts"][-1]["status"] == about["outcome"]["status"] == "killed"
    assert status_of(run).state == "dead"


def test_a_secret_is_not_told_and_its_place_is(tmp_path):
    found = status_of(run_of(tmp_path / "run", overrides=["callbacks.x.api_key=***"]))
    assert "callbacks.x.api_key=***" in found.commands[0] and "*** stands for a secret: type it again." in found.hint


class Signalled(Plugin):
    """Gets a signal in the middle."""

    @hookimpl
    def on_step_end(self, state, step_idx):
        if step_idx == 1:
            os.kill(os.getpid(), signal.SIGTERM)


def test_a_signal_is_named_and_each_attempt_has_its_end(run_demo, tmp_path):
    with pytest.raises(Interrupted):
        run_demo("plugins=[]", plugins=[Signalled()])
    about = RunDir(tmp_path / "run", is_main=False).run()
    assert about["outcome"]["signal"] == "SIGTERM" and about["outcome"]["error"] == "stopped by SIGTERM"
    assert about["max_steps"] == 4 and about["cwd"] == os.getcwd()

    run_demo("plugins=[]")

    about = RunDir(tmp_path / "run", is_main=False).run()
    ends = [(attempt["status"], attempt["step"]) for attempt in about["attempts"]]
    assert ends == [("interrupted", 1), ("completed", 4)] and about["outcome"]["signal"] is None
    assert status_of(tmp_path / "run").state == "completed"
