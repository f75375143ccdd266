"""The end of a log."""

import os

import pytest

from callsheet_plugins.report.glance.tails import tail_of


def test_only_the_last_bytes_are_read_and_a_line_that_is_cut_is_left_out(tmp_path):
    path = tmp_path / "log"
    path.write_text("".join(f'{{"step": {step}}}\n' for step in range(100)))
    tail = tail_of(path, 100)
    assert not tail.is_whole and [row["step"] for row in tail.rows()] == [*range(93, 100)]
    assert tail_of(path).is_whole and len([*tail_of(path).rows()]) == 100


def test_rows_with_a_text_are_found_from_both_ends(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b'{"a": 1}\n[1]\n{"b": "\xff"}\n{"b": 1}\n{"a": 2, "b": NaN}\n{"a": 3}\n\n{"a": 4')
    tail = tail_of(path)
    assert [row["a"] for row in tail.rows('"a"')] == [1, 3] == [row["a"] for row in tail.backwards('"a"')][::-1]
    assert [*tail.rows('"c"')] == [*tail.backwards('"c"')] == []


@pytest.mark.parametrize("what", ["missing", "folder", "fifo", "link"])
def test_what_is_no_file_has_no_rows_and_holds_nobody_up(tmp_path, what):
    path = tmp_path / "log"
    if what == "folder":
        path.mkdir()
    elif what == "fifo":
        os.mkfifo(path)
    elif what == "link":
        path.symlink_to("/etc/passwd")
    assert tail_of(path).data == b""
