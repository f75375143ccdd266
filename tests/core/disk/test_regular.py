"""Only regular files are read, and of those only what a reader takes."""

import os
import socket
from pathlib import Path

import pytest

from callsheet.disk import regular


def test_a_regular_file_is_read_up_to_the_limit(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 100)
    assert regular.read(tmp_path / "a", 100) == b"x" * 100
    with pytest.raises(regular.Irregular, match="holds more than 99 bytes"):
        regular.read(tmp_path / "a", 99)


def test_what_is_no_regular_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "socket"))
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name, said in (("fifo", "a FIFO"), ("folder", "a folder"), ("zero", "a device"), ("socket", "a socket")):
        with pytest.raises(regular.Irregular, match=f"{name} is {said}, no regular file"):
            regular.read(tmp_path / name, 10, follow=True)
    server.close()


def test_a_link_is_followed_on_demand_only(tmp_path):
    (tmp_path / "a").write_bytes(b"held")
    (tmp_path / "link").symlink_to("a")
    assert regular.read(tmp_path / "link", 10, follow=True) == b"held"
    with pytest.raises(OSError, match="symbolic links"):
        regular.read(tmp_path / "link", 10)


def test_no_descriptor_stays_open(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with pytest.raises(regular.Irregular):
            regular.read(tmp_path / "fifo", 10)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_path_for_a_sentence_has_no_signs_that_a_terminal_obeys():
    assert regular.shown(Path(os.fsdecode(b"a\xff\x1b[31m/b"))) == "a\\xff\\x1b[31m/b"
    assert regular.shown(Path("/a b/ü.json")) == "/a b/ü.json"
