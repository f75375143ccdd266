"""What a run leaves on disk survives kills, full disks and a second run in the same place."""

import subprocess
import sys

import pytest

from callsheet.errors import CallsheetError
from callsheet.rundir.rundir import RunDir


def test_a_line_torn_by_a_kill_is_passed_over_and_does_not_spoil_the_next(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n{"step": 2, "lo')
    run_dir = RunDir(tmp_path)
    run_dir.open()
    run_dir.append("metrics.jsonl", {"step": 3})
    assert [row["step"] for row in run_dir.rows("metrics.jsonl")] == [1, 3]


def test_other_ranks_write_nothing(tmp_path):
    run_dir = RunDir(tmp_path / "run", is_main=False)
    run_dir.open()
    run_dir.append("metrics.jsonl", {"step": 3})
    run_dir.write_json("run.json", {})
    assert not (tmp_path / "run").exists()


def test_a_second_run_in_the_same_place_is_refused_while_the_first_lives(tmp_path):
    code = f"import sys\nfrom pathlib import Path\nfrom callsheet.rundir.rundir import RunDir\nRunDir(Path({str(tmp_path)!r})).open()\n"
    run_dir = RunDir(tmp_path)
    run_dir.open()
    second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert second.returncode and "Another run is writing to" in second.stderr
    run_dir.close()
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_a_killed_run_leaves_no_lock_behind(tmp_path):
    code = (
        "import os, signal\nfrom pathlib import Path\nfrom callsheet.rundir.rundir import RunDir\n"
        f"run_dir = RunDir(Path({str(tmp_path)!r}))\nrun_dir.open()\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == -9
    RunDir(tmp_path).open()


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    run_dir = RunDir(tmp_path)
    run_dir.write_json("run.json", {"status": "running"})
    monkeypatch.setattr("os.fsync", lambda fd: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        run_dir.write_json("run.json", {"status": "completed"})
    assert run_dir.run() == {"status": "running"}
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_a_full_disk_loses_an_event_and_not_the_run(tmp_path):
    run_dir = RunDir(tmp_path / "gone")
    run_dir.event("requested", request="stop")


def test_a_directory_that_cannot_be_made_is_said_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CallsheetError, match=r"file is a file, and no folder\."):
        RunDir(tmp_path / "file" / "run").open()
