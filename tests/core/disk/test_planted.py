"""A run directory that is shared: what somebody planted there is named, and what it names stays as it is."""

import os
from pathlib import Path

import pytest

from callsheet.disk.descent import Outside
from callsheet.disk.planted import refuse_planted
from callsheet.errors import CallsheetError
from callsheet.rundir.rundir import RunDir

PLACES = (
    *(".lock", "run.json", "config.yaml", "events.jsonl", "metrics.jsonl", "checkpoints.jsonl", "evals.jsonl"),
    *("outbox", "outbox/pending", "outbox/courier.log", "snapshots", "predictions", "benchmarks", "callsheet"),
    *("callsheet/bema", "checkpoint-4", "torn", "bema", "hub", "model.safetensors", "README.md", "anything"),
)


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("theirs\nand no line end")
    os.utime(tmp_path / "outside" / "file", (1, 1))
    return tmp_path / "outside"


@pytest.mark.parametrize("target", ["outside", "outside/file", "outside/none"])
@pytest.mark.parametrize("place", PLACES)
def test_a_run_does_not_start_where_a_link_leaves_its_directory(
    tmp_path: Path, outside: Path, place: str, target: str
) -> None:
    link = tmp_path / "run" / place
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path / target)
    with pytest.raises(CallsheetError, match=f"run/{place} is a symbolic link to .*{target}, which leaves the run dir"):
        RunDir(tmp_path / "run").open()
    found = (outside / "file").stat()
    assert os.listdir(outside) == ["file"] and found.st_size == 22 and found.st_mtime == 1 and found.st_nlink == 1


@pytest.mark.parametrize("place", ["events.jsonl", "run.json", "outbox", "checkpoint-9"])
def test_a_link_that_stays_inside_does_not_stand_for_a_file_of_the_run(tmp_path: Path, place: str) -> None:
    (tmp_path / "checkpoint-4").mkdir()
    (tmp_path / place).symlink_to("checkpoint-4")
    with pytest.raises(Outside, match=f"{place} is a symbolic link to checkpoint-4, and the run directory may hold no"):
        RunDir(tmp_path).open()


def test_a_link_of_the_users_own_that_stays_inside_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-4").mkdir()
    (tmp_path / "latest").symlink_to("checkpoint-4")
    RunDir(tmp_path).open()
    assert (tmp_path / "latest").is_symlink()


def test_the_directory_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    (tmp_path / "outputs").symlink_to("scratch")
    run_dir = RunDir(tmp_path / "outputs" / "run")
    run_dir.open()
    run_dir.event("started")
    assert (tmp_path / "scratch" / "run" / "events.jsonl").read_text()


@pytest.mark.parametrize("name", ["events.jsonl", "metrics.jsonl", "hashes.jsonl"])
def test_a_log_that_becomes_a_link_during_the_run_gets_no_line(tmp_path: Path, outside: Path, name: str) -> None:
    run_dir = RunDir(tmp_path / "run")
    run_dir.open()
    (run_dir.path / name).symlink_to(outside / "file")
    with pytest.raises(Outside, match=f"{name} is a symbolic link"):
        run_dir.append(name, {"step": 1})
    assert (outside / "file").stat().st_mtime == 1


def test_a_directory_without_links_passes(tmp_path: Path) -> None:
    (tmp_path / "outbox" / "pending").mkdir(parents=True)
    refuse_planted(tmp_path)
