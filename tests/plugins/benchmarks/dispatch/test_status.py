"""What a job's runner writes of it is what every place reads."""

import socket
import subprocess
import sys

import pytest

from callsheet_plugins.benchmarks.dispatch import runner
from callsheet_plugins.benchmarks.dispatch.attempts import write_command
from callsheet_plugins.benchmarks.dispatch.status import Status, status_of


def run(folder, argv):
    write_command(folder, argv, {}, str(folder), None, 0)
    subprocess.run([sys.executable, "-I", "-S", runner.__file__, str(folder)], check=False)
    return status_of(folder)


def test_all_that_the_runner_writes_is_read(tmp_path):
    status = run(tmp_path, [sys.executable, "-c", "raise SystemExit(3)"])
    assert (status.state, status.exit_code, status.host) == ("failed", 3, socket.gethostname())
    assert status.runner.pid != status.engine.pid > 0
    assert int(status.runner.born) <= int(status.engine.born)
    assert 0 < status.started_at <= status.ended_at <= status.beat
    assert status.ended and status.ended_by_itself and not status.error


def test_why_an_engine_could_not_be_started_is_read(tmp_path):
    status = run(tmp_path, [str(tmp_path / "gone")])
    assert status.exit_code == 127 and "No such file" in status.error


def test_the_number_of_a_slurm_job_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "42")
    assert run(tmp_path, ["true"]).job == "42"


@pytest.mark.parametrize("content", [None, "", '{"state": "runn', "[]", "7"])
def test_what_is_no_status_says_nothing(tmp_path, content):
    if content is not None:
        (tmp_path / "status.json").write_text(content)
    assert status_of(tmp_path) == Status() and not Status().ended


def test_a_folder_that_is_gone_says_nothing(tmp_path):
    assert status_of(tmp_path / "gone") == Status()
