"""What a program prints comes into the file while it prints, whole, and without its secrets."""

import os
import subprocess
import sys

import pytest
from waiting import wait_until

from callsheet.secrets import output
from callsheet.secrets.output import RedactedOutput

TOKEN = "hf_" + "Ab1" * 12


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


@pytest.fixture
def moved(log):
    return RedactedOutput(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT))


def test_lines_come_while_the_program_runs_and_its_last_words_when_it_is_dead(log, moved):
    moved.begin()
    os.write(moved.descriptor, f"key {TOKEN[:9]}".encode())
    os.write(moved.descriptor, f"{TOKEN[9:]}\nand {TOKEN}".encode())
    wait_until(lambda: log.read_text() == "key ***\n")
    moved.finish()
    assert log.read_text() == "key ***\nand ***"


def test_a_program_waits_for_no_reader_and_dies_of_none(log, moved):
    """Nothing reads what it prints until it has ended, as when its keeper hangs or is dead."""
    flood = "import signal, sys; signal.signal(signal.SIGPIPE, signal.SIG_DFL); sys.stdout.write('x' * 10_000_000)"
    assert subprocess.run([sys.executable, "-c", flood], stdout=moved.descriptor).returncode == 0
    moved.begin()
    moved.finish()
    assert log.stat().st_size == 10_000_000


def test_of_more_than_memory_should_hold_the_end_is_kept_and_the_rest_counted(log, moved, monkeypatch):
    monkeypatch.setattr(output, "MOST", 4000)
    monkeypatch.setattr(output, "KEPT", 1000)
    lines = [f"{number:04} {TOKEN}\n" for number in range(200)]
    os.write(moved.descriptor, "".join(lines).encode())
    moved.begin()
    moved.finish()
    _, said, *kept = log.read_text().splitlines()
    assert said.startswith(f"callsheet: {len(lines[0]) * (200 - len(kept)):,} bytes were left out here")
    assert kept == [f"{number:04} ***" for number in range(200 - len(kept), 200)] and len(kept) > 20


def test_a_program_may_empty_what_it_writes_to(log, moved):
    os.write(moved.descriptor, b"first\n")
    moved.begin()
    wait_until(lambda: log.read_text() == "first\n")
    os.truncate(moved.descriptor, 0)
    os.write(moved.descriptor, b"b\n")
    moved.finish()
    assert log.read_text() == "first\nb\n"


def test_the_memory_of_what_was_read_is_given_back(log, moved):
    os.write(moved.descriptor, b"x" * 5_000_000)
    moved.begin()
    wait_until(lambda: os.fstat(moved.descriptor).st_blocks * 512 < 100_000)
    moved.finish()
