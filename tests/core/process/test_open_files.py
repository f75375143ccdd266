"""What a process of Callsheet's own writes at its end, and that it looks for files only where some may be open."""

import subprocess
import sys

import pytest
from waiting import PATIENCE, wait_until

LOOKED = """import os, sys
sys.addaudithook(lambda event, arguments: os.write(2, b"looked") if event == "gc.get_objects" else None)
from callsheet.process.exit import leave
"""


def said(code, folder):
    (folder / "program.py").write_text(LOOKED + code + "\nleave(0)")
    how = {"cwd": folder, "capture_output": True, "text": True, "timeout": PATIENCE, "check": True}
    return subprocess.run([sys.executable, "program.py"], **how).stderr


@pytest.mark.parametrize(
    ("opened", "looks"),
    [
        ("", False),
        ("file = open('program.py')", False),
        ("import socket\npipe, pair = os.pipe(), socket.socketpair()", False),
        ("file = open('kept', 'w')", True),
        ("file = open('/dev/full', 'w')", True),
    ],
)
def test_it_looks_for_files_where_something_is_open_that_they_write_to(tmp_path, opened, looks):
    assert said(opened, tmp_path) == ("looked" if looks else "")


def test_what_another_process_is_still_to_read_is_written(tmp_path):
    code = (
        "import subprocess\nfile = open('read', 'w')\n"
        "reader = subprocess.Popen(['cat'], stdin=subprocess.PIPE, stdout=file, text=True)\nfile.close()\n"
        "reader.stdin.write('all of it')"
    )
    assert said(code, tmp_path) == "looked"
    wait_until(lambda: (tmp_path / "read").read_text() == "all of it")


def test_where_no_system_lists_what_is_open_it_looks(tmp_path):
    assert said("from callsheet.process import open_files\nopen_files.DESCRIPTORS = 'nowhere'", tmp_path) == "looked"
