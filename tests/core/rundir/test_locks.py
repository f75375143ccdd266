"""Locks between processes, and what happens where there are none."""

import errno

import pytest

from callsheet.errors import CallsheetError
from callsheet.rundir.locks import Flock, alone_with, flock
from callsheet.rundir.rundir import RunDir


def test_one_of_two_open_files_has_the_lock_until_it_is_closed(tmp_path):
    with (tmp_path / "lock").open("w") as first, (tmp_path / "lock").open("w") as second:
        assert (flock(first), flock(second)) == (Flock.OURS, Flock.HELD)
        first.close()
        assert flock(second) is Flock.OURS


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def test_where_there_are_no_locks_a_run_starts_and_a_file_is_hashed(tmp_path, monkeypatch, code):
    monkeypatch.setattr("fcntl.flock", refusing(code))
    RunDir(tmp_path).open()
    with alone_with(tmp_path / ".lock"):
        assert flock((tmp_path / ".lock").open()) is Flock.UNKNOWN


def test_a_lock_that_the_system_refuses_for_another_reason_stops_a_run_and_no_hash(tmp_path, monkeypatch):
    monkeypatch.setattr("fcntl.flock", refusing(errno.EBADF))
    with pytest.raises(OSError, match="refused"):
        RunDir(tmp_path).open()
    with alone_with(tmp_path / ".lock"):
        pass


def test_who_holds_a_run_directory_is_named(tmp_path):
    first = RunDir(tmp_path)
    first.open()
    with pytest.raises(CallsheetError, match=r"Another run is writing to .* \(process \d+ on "):
        RunDir(tmp_path).open()
    with pytest.raises(CallsheetError, match=r"training\)\. Wait until it has ended\.$"):
        RunDir(tmp_path).open("draining its outbox")
    first.close()


def refusing(code):
    """No file system of these machines refuses locks, so the call does."""

    def refuse(*args):
        raise OSError(code, "refused")

    return refuse
