"""One driver at a time, and what a second one is told."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import pytest
from mounting import fill, mounted

from callsheet import CallsheetError
from callsheet.disk.descent import Outside
from callsheet.experiments.driver.lock import alone_in


def test_a_second_driver_is_told_who_drives_and_how_to_join(tmp_path: Path):
    folder = tmp_path / "outputs" / "mine"
    with alone_in(folder):
        with pytest.raises(CallsheetError) as refused, alone_in(folder):
            pass
        said = str(refused.value)
        assert f"process {os.getpid()} on {os.uname().nodename}" in said
        assert f"callsheet experiment work {folder}" in said and f"callsheet experiment status {folder}" in said
    with alone_in(folder):
        pass


def test_without_locks_a_driver_of_this_machine_is_seen_while_it_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*arguments: object) -> None:
        raise OSError(errno.ENOTSUP, "no locks here")

    monkeypatch.setattr("fcntl.flock", refuse)
    lock = tmp_path / ".experiment.lock"
    with alone_in(tmp_path):
        mine = lock.read_text()
        with pytest.raises(CallsheetError, match=f"process {os.getpid()} on"), alone_in(tmp_path):
            pass
    lock.write_text(re.sub(r"tick \d+", "tick 1", mine))  # a process that was killed had the same number
    with alone_in(tmp_path):
        assert lock.read_text() == mine


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path: Path):
    (tmp_path / ".experiment.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Outside), alone_in(tmp_path):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_a_full_disk_costs_its_name_alone(tmp_path: Path):
    with mounted(tmp_path / "small", "size=64k") as disk:
        (disk / ".experiment.lock").touch()
        fill(disk, 0)
        with alone_in(disk):
            pass
