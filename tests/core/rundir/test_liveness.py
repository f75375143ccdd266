"""Whether a run is at work: by its lock, and what is said where a lock says nothing."""

import errno
import os
import subprocess
import sys

import pytest

from callsheet.errors import CallsheetError
from callsheet.rundir import liveness
from callsheet.rundir.liveness import look
from callsheet.rundir.locks import is_held
from callsheet.rundir.rundir import LOCK, RunDir

ELSEWHERE = "process 4 on node7, training"


def test_a_run_at_work_is_alive_and_a_killed_one_is_dead(tmp_path):
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom callsheet.rundir.rundir import RunDir\n"
        f"run_dir = RunDir(Path({str(tmp_path)!r}))\nrun_dir.open()\nprint('open', flush=True)\nsys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"open\n"
        found = look(tmp_path)
        assert found.alive is True and found.holder.pid == process.pid and found.holder.host == os.uname().nodename
        assert found.why == f"process {process.pid} on {os.uname().nodename} holds its lock"
        process.kill()
        process.wait()
    assert look(tmp_path).alive is False


def test_to_look_changes_nothing_and_needs_no_right_to_write(tmp_path):
    RunDir(tmp_path).open()
    (tmp_path / LOCK).chmod(0o444)
    before = (tmp_path / LOCK).stat().st_mtime_ns
    assert look(tmp_path).alive is False
    assert (tmp_path / LOCK).stat().st_mtime_ns == before


def test_a_reader_is_not_taken_for_a_run(tmp_path, monkeypatch):
    """Readers hold a shared lock for a moment: a run that starts in that moment waits for it to pass."""
    import fcntl

    reader = (tmp_path / LOCK).open("a+")
    fcntl.flock(reader, fcntl.LOCK_SH)
    assert is_held(tmp_path / LOCK) is False, "nor does one reader take another for it"
    monkeypatch.setattr("callsheet.rundir.locks.time.sleep", lambda seconds: reader.close())
    RunDir(tmp_path).open()


def test_who_drains_says_so(tmp_path):
    run_dir = RunDir(tmp_path)
    run_dir.open("draining its outbox")
    assert look(tmp_path).holder.doing == "draining its outbox"
    with pytest.raises(CallsheetError, match="draining its outbox"):
        RunDir(tmp_path).open()


@pytest.mark.parametrize(
    ("mounted", "alive"),
    [
        ("server:/home / nfs4 rw,vers=4.2,local_lock=none 0 0", False),
        ("server:/home / nfs rw,vers=3,local_lock=all 0 0", None),
        ("server:/home / nfs rw,vers=3,nolock 0 0", None),
        ("mds:/scratch / lustre rw,flock 0 0", False),
        ("mds:/scratch / lustre rw,localflock 0 0", None),
        ("mds:/scratch / lustre rw 0 0", None),
        ("gpfs / gpfs rw 0 0", None),
        ("bucket / fuse.s3fs rw 0 0", None),
        ("/dev/sda / ext4 rw 0 0", False),
        ("overlay / overlay rw 0 0", False),
    ],
)
def test_a_free_lock_of_another_machine_means_something_where_locks_reach_that_far(
    tmp_path, monkeypatch, mounted, alive
):
    (tmp_path / "mounts").write_text(f"/dev/vda /elsewhere ext4 rw 0 0\n{mounted}\n")
    monkeypatch.setattr(liveness, "MOUNTS", tmp_path / "mounts")
    (tmp_path / LOCK).write_text(ELSEWHERE)
    found = look(tmp_path)
    assert found.alive is alive and "process 4 on node7" in found.why
    assert alive is False or f"this is {os.uname().nodename}" in found.why


def test_where_no_lock_can_be_asked_the_process_of_this_machine_decides(tmp_path, monkeypatch):
    def refuse(*args):
        raise OSError(errno.ENOLCK, "refused")

    monkeypatch.setattr("fcntl.flock", refuse)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / LOCK).write_text(f"process {gone.pid} on {os.uname().nodename}, training")
    assert look(tmp_path).alive is False and "its lock cannot be asked" in look(tmp_path).why
    (tmp_path / LOCK).write_text(f"process {os.getpid()} on {os.uname().nodename}, training")
    assert look(tmp_path).alive is None, "a number may be another process's by now"
    (tmp_path / LOCK).write_text(ELSEWHERE)
    assert look(tmp_path).alive is None


def test_a_directory_without_a_lock_has_nobody_at_work(tmp_path):
    assert look(tmp_path).alive is False


@pytest.mark.parametrize("text", [b"", b"\xff\xfe", b"process 1" + b"0" * 5000 + b" on x", b"x" * 10_000_000])
def test_a_lock_that_says_nothing_names_nobody(tmp_path, text):
    (tmp_path / LOCK).write_bytes(text)
    found = look(tmp_path)
    assert (found.alive, found.holder) == (False, None) and RunDir(tmp_path).occupied() == ""


def test_a_fifo_in_place_of_the_lock_is_not_waited_at(tmp_path):
    os.mkfifo(tmp_path / LOCK)
    found = look(tmp_path)
    assert (found.alive, found.why) == (None, "its lock cannot be asked") and RunDir(tmp_path).occupied() == ""
