"""What a job's runner writes of it is what every place reads."""

import json
import os
import socket
import subprocess
import sys

import pytest

from callsheet_plugins.benchmarks.dispatch import attempts, runner
from callsheet_plugins.benchmarks.dispatch.attempts import write_command
from callsheet_plugins.benchmarks.dispatch.local.dispatcher import Local
from callsheet_plugins.benchmarks.dispatch.slurm.submission import submission_of
from callsheet_plugins.benchmarks.dispatch.status import Process, Status, status_of


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


def plant(path, what):
    if what == "a link to /dev/zero":
        path.symlink_to("/dev/zero")
    elif what == "a FIFO":
        os.mkfifo(path)
    elif what == "a folder":
        path.mkdir()
    elif what == "8 GiB":
        with path.open("wb") as file:
            file.truncate(8 << 30)
    else:
        path.write_text(what)


ODD = ["a link to /dev/zero", "a FIFO", "a folder", "8 GiB", "[" * 100_000, "9" * 5_000, '{"a": NaN', "\x00", "null"]


@pytest.mark.parametrize("what", ODD)
def test_what_an_engine_may_have_put_in_place_of_a_small_file_says_nothing_and_holds_up_nobody(tmp_path, what):
    folder = tmp_path / "run" / "benchmarks" / "job" / "attempt-1"
    folder.mkdir(parents=True)
    for name in ("status.json", "handle.json", "outcome.json", "command.json", "slurm.json", "log.txt"):
        plant(folder / name, what)
    plant(folder.parent / "given_up.json", what)
    assert status_of(folder) == Status() and attempts.handle_of(folder) is None
    assert submission_of(folder) is None and attempts.command_of(folder) == {}
    tried = attempts.Attempts(tmp_path / "run", "job")
    is_over = what not in ODD[:3]  # there is a file, whatever it holds
    assert tried.failed() == is_over
    assert ("Attempt 1 is over: it failed. Its log is" in tried.last_failure()) == is_over
    assert len(attempts.last_lines(folder)) <= attempts.TAIL_BYTES
    Local(tmp_path / "run", {})


@pytest.mark.parametrize("value", [None, "x", [], {}, True, -1, 1e400, float("nan"), 2**70, "9" * 10_000])
def test_a_status_of_wrong_types_is_read_as_far_as_it_goes(tmp_path, value):
    names = ("exit_code", "error", "slurm_job_id", "host", "pid", "born", "engine", "started", "ended", "beat")
    (tmp_path / "status.json").write_text(json.dumps({"state": "running", **dict.fromkeys(names, value)}))
    status = status_of(tmp_path)
    assert status.state == "running" and status.exit_code in (None, -1, True)
    for moment in (status.started_at, status.ended_at, status.beat):
        assert 0 <= moment < 1e12
    assert status.runner.pid in (0, 1) and status.engine == Process() and len(status.error) <= 1000
