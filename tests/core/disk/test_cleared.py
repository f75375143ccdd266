"""A library that writes by name writes through no link that was there before."""

import os

import pytest

from callsheet.disk.cleared import without_linked_files, without_links
from callsheet.disk.descent import Outside


@pytest.fixture
def outside(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("theirs")
    return tmp_path / "outside"


def test_a_folder_and_what_is_below_it_hold_no_link_any_more(tmp_path, outside):
    checkpoint = tmp_path / "run" / "checkpoint-4"
    (checkpoint / "callsheet").mkdir(parents=True)
    (checkpoint / "optimizer.pt").write_text("kept")
    for place in ("model.safetensors", "callsheet/plugins.json", "folder"):
        (checkpoint / place).symlink_to(outside / "file" if "." in place else outside)
    without_links(checkpoint)
    assert sorted(os.listdir(checkpoint)) == ["callsheet", "optimizer.pt"] and not os.listdir(checkpoint / "callsheet")
    assert os.listdir(outside) == ["file"] and (outside / "file").read_text() == "theirs"


def test_in_a_root_only_links_to_files_go(tmp_path, outside):
    (tmp_path / "run" / "below").mkdir(parents=True)
    for place in ("README.md", "below/README.md", "latest"):
        (tmp_path / "run" / place).symlink_to(outside / "file" if "." in place else outside)
    (tmp_path / "outputs").symlink_to("run")
    without_linked_files(tmp_path / "outputs")
    assert sorted(os.listdir(tmp_path / "run")) == ["below", "latest"] and os.listdir(tmp_path / "run" / "below")


def test_a_folder_that_is_a_link_itself_is_named(tmp_path, outside):
    (tmp_path / "checkpoint-5").symlink_to(outside)
    with pytest.raises(Outside, match="checkpoint-5 is a symbolic link to"):
        without_links(tmp_path / "checkpoint-5")


def test_a_folder_that_is_not_there_yet_holds_none(tmp_path):
    without_links(tmp_path / "checkpoint-6")
    assert not (tmp_path / "checkpoint-6").exists()
