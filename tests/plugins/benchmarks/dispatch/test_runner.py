"""The program that runs one attempt: once, to its end, and nothing outlives it."""

import json
import resource
import subprocess
import sys
import time

import pytest
from waiting import PATIENCE, wait_until

from callsheet_plugins.benchmarks.dispatch import attempts, runner
from callsheet_plugins.benchmarks.dispatch.contract import Attempt
from plugins.benchmarks.conftest import alive, deliver, put


def attempt_at(folder, *argv):
    """An attempt that is ready to be started."""
    (folder / "out").mkdir(parents=True)
    attempts.write_command(folder, list(argv), {}, str(folder / "out"), None, 0)
    return Attempt(folder, "callsheet-test")


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


def test_of_several_runners_of_one_attempt_one_runs_the_engine(tmp_path):
    attempt = attempt_at(tmp_path / "attempt-1", "sh", "-c", "echo began >> diary; sleep 0.5")
    command = [sys.executable, "-I", "-S", runner.__file__, str(attempt.folder)]
    assert [process.wait(PATIENCE) for process in [subprocess.Popen(command) for _ in range(4)]] == [0, 0, 0, 0]
    assert (attempt.folder / "out" / "diary").read_text() == "began\n"
    assert json.loads((attempt.folder / "status.json").read_text())["state"] == "succeeded"
