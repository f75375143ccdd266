"""One driver at a time, and what a second one is told."""

from __future__ import annotations

import os
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
