"""Processes, told apart by when they were born."""

import signal
import subprocess
import sys

import pytest
from waiting import PATIENCE

from callsheet_plugins.benchmarks.dispatch.local import processes


def test_a_process_that_got_the_number_of_another_is_left_alone(tmp_path):
    innocent = subprocess.Popen(["sleep", "600"], start_new_session=True)
    processes.kill_group(innocent.pid, "an earlier birth")
    assert innocent.poll() is None and processes.born(innocent.pid)
    processes.kill_group(innocent.pid, processes.born(innocent.pid))
    assert innocent.wait(PATIENCE) == -signal.SIGKILL


@pytest.mark.parametrize("number", [0, -1, 1, 2**31, 10**30])
def test_a_number_that_is_no_process_kills_nobody(number):
    code = f"from callsheet_plugins.benchmarks.dispatch.local import processes; processes.kill_group({number}, '9')"
    assert subprocess.run([sys.executable, "-c", code], start_new_session=True).returncode == 0
