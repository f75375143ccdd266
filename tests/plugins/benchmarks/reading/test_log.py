"""Logs of any length: cut in the middle, and blanked without being held in memory."""

import os
import random
import sys

import pytest
from waiting import PATIENCE, wait_until

from callsheet_plugins.benchmarks.dispatch import runner
from callsheet_plugins.benchmarks.reading import log
from plugins.benchmarks.dispatch.test_runner import attempt_at, run_by_runner

SECRET = "hf_" + "".join(random.Random(3).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=34))
PARTS = [SECRET[place : place + 12].encode() for place in range(len(SECRET) - 11)]
HEAD, TAIL, EDGE = 40_000, 60_000, 16 << 10


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setenv("MY_TOKEN", SECRET)
    for name, size in (("HEAD_BYTES", HEAD), ("TAIL_BYTES", TAIL), ("PIECE", 16_000)):
        monkeypatch.setattr(log, name, size)


def blanked(path, content):
    path.write_bytes(content)
    log.blank(path)
    return path.read_bytes()


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("between", [b"a", b"\n", b" ", b"\xff", "\u20ac".encode()])
def test_no_part_of_a_secret_is_left_wherever_it_stands(tmp_path, small, seed, between):
    rng = random.Random(seed)
    content = b""
    while len(content) < (50_000 if seed % 2 else 300_000):
        content += between * rng.randrange(1, 400) + b"." + SECRET.encode() + b"."
    kept = blanked(tmp_path / "log.txt", content)
    assert not [part for part in PARTS if part in kept] and b".***." in kept
    if seed % 2:
        assert kept == content.replace(SECRET.encode(), b"***") and runner.CUT not in kept
    else:
        assert kept.count(runner.CUT) == 1 and (HEAD + TAIL) * 0.8 < len(kept) <= HEAD + TAIL + len(runner.CUT)
        assert content.startswith(kept[:100].split(b"***")[0]) and kept.endswith(b".***.")


@pytest.mark.parametrize("place", [HEAD - 5, HEAD + EDGE - 5, HEAD + EDGE - 30])
def test_a_secret_that_the_runner_has_cut_in_two_is_gone(tmp_path, small, place):
    head = (b"b" * place + SECRET.encode() * 3000)[: HEAD + EDGE]
    tail = (SECRET.encode() * 9 + b"c" * TAIL)[7:]
    kept = blanked(tmp_path / "log.txt", head + runner.CUT + tail)
    assert not [part for part in PARTS if part in kept]
    assert kept.count(runner.CUT) == 1 and kept.startswith(b"b" * 1000) and kept.endswith(b"c" * 1000)


def test_a_log_without_secrets_stays_the_file_that_others_may_still_write_to(tmp_path, small):
    path = tmp_path / "log.txt"
    path.write_bytes(b"x" * 90_000)
    before = path.stat().st_ino
    log.blank(path)
    assert path.stat().st_ino == before and path.read_bytes() == b"x" * 90_000 and len([*tmp_path.iterdir()]) == 1


@pytest.mark.parametrize("what", ["link", "fifo", "folder", "nothing"])
def test_what_is_no_file_is_left_as_it_is(tmp_path, small, what):
    path, other = tmp_path / "log.txt", tmp_path / "other"
    other.write_text(SECRET)
    if what == "link":
        path.symlink_to(other)
    elif what == "fifo":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    log.blank(path)
    assert other.read_text() == SECRET and path.is_symlink() == (what == "link")


def test_a_log_grows_to_its_limit_and_keeps_both_ends_while_the_job_runs(tmp_path):
    talk = "import sys\nfor i in range(3):\n  sys.stdout.write(f'begin{i}' + 'x' * (40 << 20)); sys.stdout.flush()\n"
    wait = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.05)\nprint('the end')"
    attempt = attempt_at(tmp_path / "attempt-1", sys.executable, "-S", "-c", talk + wait)
    process, path = run_by_runner(attempt.folder), attempt.folder / "log.txt"
    wait_until(lambda: path.exists() and path.stat().st_size > runner.TAIL_BYTES)
    wait_until(lambda: path.stat().st_size < runner.LONGEST_LOG)
    (attempt.folder / "out" / "go").touch()
    assert process.wait(PATIENCE) == 0
    content = path.read_bytes()
    assert content.startswith(b"begin0") and content.endswith(b"the end\n")
    assert content.count(runner.CUT) >= 1 and len(content) <= runner.LONGEST_LOG
