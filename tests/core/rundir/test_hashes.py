"""Each file of a run is read once for its sha256, whoever asks, and as often as it changes."""

import hashlib
import os
import subprocess
import sys

from callsheet.rundir.hashes import HASHES, Hashes


def test_a_hard_link_is_known_and_a_change_is_seen(tmp_path):
    path, link = tmp_path / "weights", tmp_path / "link"
    path.write_bytes(b"old")
    os.link(path, link)
    hashes = Hashes(tmp_path)
    assert hashes.of(path) == hashes.of(link) == Hashes(tmp_path).of(link) == hashlib.sha256(b"old").hexdigest()
    assert len((tmp_path / HASHES).read_text().splitlines()) == 1
    path.write_bytes(b"new")
    os.utime(path, (1, 1))
    assert hashes.of(link) == hashlib.sha256(b"new").hexdigest()


def test_of_processes_that_ask_at_once_one_reads(tmp_path):
    path = tmp_path / "weights"
    path.touch()
    os.truncate(path, 400_000_000)  # long enough for all to ask meanwhile
    code = (
        "import sys; from pathlib import Path; from callsheet.rundir.hashes import Hashes\n"
        "print(Hashes(Path(sys.argv[1])).of(Path(sys.argv[1]) / 'weights'))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    askers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert len({asker.communicate()[0] for asker in askers}) == 1 and not any(asker.returncode for asker in askers)
    assert len((tmp_path / HASHES).read_text().splitlines()) == 1


def test_a_line_that_a_kill_tore_is_passed_over(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"w")
    Hashes(tmp_path).of(path)
    whole = (tmp_path / HASHES).read_text()
    (tmp_path / HASHES).write_text(whole[: len(whole) // 2] + "\n[1]\n" + whole + whole[:9])
    assert Hashes(tmp_path).of(path) == hashlib.sha256(b"w").hexdigest()
    assert (tmp_path / HASHES).read_text().endswith(whole[:9]), "it was known"


def test_lines_that_are_none_of_ours_teach_nothing_and_hide_nothing(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(b"w")
    Hashes(tmp_path).of(path)
    whole = (tmp_path / HASHES).read_text()
    wrong = [whole.replace('"sha256": "', '"sha256": "x'), "[" * 100_000, '{"device": "x"}', "\x00" * 10_000]
    (tmp_path / HASHES).write_text("\n".join(wrong) + "\n" + whole)
    lines = (tmp_path / HASHES).read_text()
    assert Hashes(tmp_path).of(path) == hashlib.sha256(b"w").hexdigest()
    assert (tmp_path / HASHES).read_text() == lines, "the last line was read"


def test_a_fifo_in_place_of_the_file_is_not_waited_at(tmp_path):
    os.mkfifo(tmp_path / HASHES)
    assert Hashes(tmp_path)._look_up((0, 0, 0, 0)) is None
