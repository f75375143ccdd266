"""What of the machine a process may use."""

import os
import subprocess
import sys

import pytest
from waiting import wait_until

from callsheet.process.machine import (
    answers,
    cores,
    descendants,
    gpus,
    gpus_present,
    kill_all,
    trains_on_cpu,
    visible_gpus,
)

PINNED = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from callsheet.config.compose import compose
from callsheet.config.plan import make_plan
from callsheet.launch.launcher import _environment
from callsheet.process.machine import cores
plan = make_plan(compose(["recipe=demo", "launch=ddp", "launch.processes=1"]))
os.environ.pop("OMP_NUM_THREADS", None)
print(cores(), _environment(plan)["OMP_NUM_THREADS"])
"""

# A child in a session of its own, and a grandchild in another one.
FAMILY = """
import subprocess, sys, time
inner = "import subprocess, sys, time; subprocess.Popen(['sleep', '600'], start_new_session=True); time.sleep(600)"
subprocess.Popen([sys.executable, "-c", inner], start_new_session=True)
time.sleep(600)
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system pins no process")
def test_a_process_pinned_to_one_core_counts_one_and_its_workers_get_one_thread():
    done = subprocess.run([sys.executable, "-c", PINNED], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["1", "1"]
    assert cores() >= 1


def test_gpus_are_counted_without_torch(monkeypatch, tmp_path):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    nowhere, cards = tmp_path / "nowhere", tmp_path / "cards"
    assert gpus(nowhere, tmp_path) == 0
    (cards / "0000:01:00.0").mkdir(parents=True)
    (cards / "0000:02:00.0").mkdir()
    assert gpus(cards) == 2
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert gpus(cards) == 1
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert gpus(cards) == 0


def test_gpus_are_counted_by_their_devices_where_the_driver_does_not_list_them(monkeypatch, tmp_path):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()

    assert gpus(tmp_path / "nowhere", tmp_path) == 2


def test_gpus_are_called_as_the_variable_calls_them_and_counted_beside_it(monkeypatch, tmp_path):
    for number in range(3):
        (tmp_path / f"0000:0{number}:00.0").mkdir()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert visible_gpus(tmp_path) == ["0", "1", "2"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, GPU-5f3c,-1")
    assert visible_gpus(tmp_path) == ["2", "GPU-5f3c"]
    assert gpus_present(tmp_path) == 3


@pytest.mark.parametrize(
    ("args", "visible", "on_cpu"), [({}, "", True), ({}, "0", False), ({"use_cpu": True}, "0", True)]
)
def test_a_run_trains_on_the_cpu_where_it_says_so_or_has_no_gpu(monkeypatch, args, visible, on_cpu):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    assert trains_on_cpu(args) is on_cpu


@pytest.mark.parametrize("pid", [0, -1, 1 << 40])
def test_no_process_has_a_number_that_is_none(pid):
    assert not answers(pid)


def test_a_process_answers_until_it_is_gone():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert answers(process.pid) and answers(os.getpid()) and answers(1)
    process.communicate(b"\n")
    assert not answers(process.pid)


def test_what_left_the_group_of_a_process_is_found_and_ended():
    process = subprocess.Popen([sys.executable, "-c", FAMILY])
    try:
        wait_until(lambda: len(descendants(process.pid)) == 2)
        left = descendants(process.pid)
        assert process.pid not in left
    finally:
        process.kill()
        process.wait()
    kill_all(left)
    wait_until(lambda: not any(_lives(pid) for pid in left))
    kill_all(left)  # they are gone


def _lives(pid: int) -> bool:
    """A zombie, which nobody has waited for yet, is dead."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return answers(pid) and file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
