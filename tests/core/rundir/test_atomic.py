"""A file is replaced whole, or stays as it was, and nothing is left beside it."""

import os

import pytest

from callsheet.rundir import atomic


def test_a_block_that_fails_leaves_the_old_file_alone(tmp_path):
    (tmp_path / "file").write_text("old")
    with pytest.raises(ZeroDivisionError), atomic.replacing(tmp_path / "file") as temporary:
        temporary.write_text("new")
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ["file"] and (tmp_path / "file").read_text() == "old"


def test_a_link_to_the_file_that_it_replaces_leaves_no_other_name(tmp_path):
    (tmp_path / "file").write_text("same")
    with atomic.replacing(tmp_path / "file") as temporary:
        os.link(tmp_path / "file", temporary)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
