"""Processes, told apart by when they were born."""

import signal
import subprocess

from waiting import PATIENCE

from callsheet_plugins.benchmarks.dispatch.local import processes


def test_a_process_that_got_the_number_of_another_is_left_alone(tmp_path):
    innocent = subprocess.Popen(["sleep", "600"], start_new_session=True)
    processes.kill_group(innocent.pid, "an earlier birth")
    assert innocent.poll() is None and processes.born(innocent.pid)
    processes.kill_group(innocent.pid, processes.born(innocent.pid))
    assert innocent.wait(PATIENCE) == -signal.SIGKILL
