"""One courier works on a run directory at a time, on one host or several."""

import json
import os
import subprocess
import sys
import time

import pytest
from waiting import PATIENCE, wait_until

from callsheet.outbox.courier import progress
from callsheet.outbox.courier.lock import CourierLock
from callsheet.outbox.courier.progress import PROGRESS
from core.outbox.conftest import delivered, fill, states


def hold_elsewhere(run_dir, *, silent_for):
    lock = run_dir / "outbox" / "courier.lock"
    lock.write_text(json.dumps({"host": "another-node", "pid": os.getpid(), "name": "its"}))
    os.utime(lock, (time.time() - silent_for,) * 2)
    return lock


def test_a_holder_that_died_on_another_host_is_replaced(tmp_path, courier):
    fill(tmp_path / "run")
    hold_elsewhere(tmp_path / "run", silent_for=60)
    assert courier(tmp_path / "run").wait(PATIENCE) == 0 and delivered(tmp_path) == ["e0"]


def test_a_holder_on_another_host_that_fell_silent_just_now_is_waited_for(tmp_path):
    (tmp_path / "outbox").mkdir()
    hold_elsewhere(tmp_path, silent_for=0)
    lock, start = CourierLock(tmp_path / "outbox", beat_seconds=0.5, missed=3), time.monotonic()
    assert lock.take() and time.monotonic() - start > 1.0


def test_a_dead_holder_whose_last_beat_lies_in_the_future_is_waited_for_no_longer_than_another(tmp_path):
    (tmp_path / "outbox").mkdir()
    hold_elsewhere(tmp_path, silent_for=-86_400)
    assert CourierLock(tmp_path / "outbox", beat_seconds=0.2, missed=2).take()


def test_a_holder_that_beats_on_another_host_keeps_its_lock(tmp_path, shipping, courier):
    fill(tmp_path / "run")
    lock = hold_elsewhere(tmp_path / "run", silent_for=1)
    process = courier(tmp_path / "run")
    wait_until(lambda: os.utime(lock) or process.poll() is not None)
    assert process.returncode == 4 and len(states(tmp_path / "run")["pending"]) == 1


def test_a_courier_that_lost_its_lock_notices_at_its_next_beat(tmp_path):
    (tmp_path / "outbox").mkdir()
    lock = CourierLock(tmp_path / "outbox")
    assert lock.take() and lock.beat()
    hold_elsewhere(tmp_path, silent_for=0)
    assert not lock.beat()


# It beats all the time, and takes long to end.
SLOW_TO_END = """
import atexit, functools, sys, time
from callsheet.outbox.courier import main
from callsheet.process.exit import leave_after

main.CourierLock = functools.partial(main.CourierLock, beat_seconds=0.01)
atexit.register(time.sleep, 0.5)
leave_after(functools.partial(main.main, sys.argv[1:]))
"""


def test_a_courier_that_has_done_its_work_is_not_told_of_another_while_it_ends(tmp_path):
    (tmp_path / "outbox").mkdir()
    command = [sys.executable, "-c", SLOW_TO_END, str(tmp_path)]
    how = {"capture_output": True, "text": True, "timeout": PATIENCE, "stdin": subprocess.DEVNULL}
    done = subprocess.run(command, **how)
    assert done.returncode == 0 and "took over" not in done.stderr, done.stderr


def test_where_the_system_has_no_locks_the_heartbeat_decides(tmp_path, monkeypatch):
    def refuse(*args):
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    (tmp_path / "outbox").mkdir()
    first, second = CourierLock(tmp_path / "outbox"), CourierLock(tmp_path / "outbox")
    assert first.take() and not second.take()
    first.release()
    assert second.take()


@pytest.mark.parametrize(
    "text", ["", "[]", '{"pid": "x"}', '{"host": "here", "pid": -1}', '{"pid": 1%s}' % ("0" * 400), "[" * 100_000]
)
def test_a_file_that_names_nobody_is_that_of_an_unknown_holder(tmp_path, text):
    (tmp_path / "courier.lock").write_text(text.replace("here", os.uname().nodename))
    lock = CourierLock(tmp_path, beat_seconds=0.01, missed=1)
    assert lock.holder() == {"host": "unknown"}
    lock.dismiss(sleep=lambda seconds: None)
    os.utime(tmp_path / "courier.lock", (1, 1))
    assert lock.take() and lock.holder()["pid"] == os.getpid()


def test_progress_that_is_none_is_no_progress(tmp_path):
    for text in ("", "[]", '{"a": 3}', '{"a": ["x", 1]}', '{"a": [1]}', "[" * 100_000):
        (tmp_path / PROGRESS).write_text(text)
        assert progress.read(tmp_path) == {}
    (tmp_path / PROGRESS).write_text('{"a": [1, 2], "b": [NaN, 1], "c": [-1, 3], "d": [1, Infinity]}')
    assert progress.read(tmp_path) == {"a": (1.0, 2.0)}
