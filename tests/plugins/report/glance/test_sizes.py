"""The room that a folder takes."""

import os

from callsheet_plugins.report.glance.sizes import Size, size_of


def test_files_count_once_and_links_are_not_followed(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_bytes(b"x" * 1000)
    os.link(tmp_path / "a" / "file", tmp_path / "again")
    (tmp_path / "loop").symlink_to(tmp_path)
    found = size_of(tmp_path, 100)
    assert found.is_whole and 1000 <= found.count < 1200


def test_of_too_many_files_the_first_are_counted_and_this_is_said(tmp_path):
    for number in range(10):
        (tmp_path / str(number)).write_bytes(b"x" * 10)
    assert size_of(tmp_path, 5) == Size(50, is_whole=False)
    assert size_of(tmp_path / "gone", 5) == Size(0)
