"""A snapshot holds all files of an entry or none, and outlives what becomes of the checkpoint."""

import os

import pytest

from callsheet.outbox import snapshots

ID, OTHER = "shelf-1-0123456789ab", "shelf-2-ba9876543210"


@pytest.fixture
def files(tmp_path):
    """Two files, one of which belongs into a folder of the snapshot."""
    (tmp_path / "checkpoint").mkdir()
    found = {name: tmp_path / "checkpoint" / name for name in ("model.safetensors", "config.json")}
    for name, path in found.items():
        path.write_text(name)
    return {"model.safetensors": found["model.safetensors"], "bema/config.json": found["config.json"]}


def left(run_dir):
    """Every file and folder below the snapshots."""
    folder = run_dir / "snapshots"
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


WHOLE = [ID, f"{ID}/bema", f"{ID}/bema/config.json", f"{ID}/model.safetensors"]


def test_a_snapshot_has_the_files_under_their_names_and_says_their_sizes(tmp_path, files):
    assert snapshots.take(tmp_path, ID, files) == {"model.safetensors": 17, "bema/config.json": 11}
    assert left(tmp_path) == WHOLE
    snapshot = snapshots.folder_of(tmp_path, ID)
    assert all((snapshot / name).read_text() == path.read_text() for name, path in files.items())


def test_the_files_may_be_deleted_and_replaced_afterwards(tmp_path, files):
    snapshots.take(tmp_path, ID, files)
    weights, config = files.values()
    weights.unlink()
    (tmp_path / "new").write_text("another")
    os.replace(tmp_path / "new", config)
    snapshot = snapshots.folder_of(tmp_path, ID)
    assert (snapshot / "model.safetensors").read_text() == "model.safetensors"
    assert (snapshot / "bema" / "config.json").read_text() == "config.json"


@pytest.mark.parametrize("missing", ["model.safetensors", "bema/config.json"])
def test_a_file_that_is_gone_leaves_none_of_the_others(tmp_path, files, missing):
    files[missing].unlink()
    with pytest.raises(FileNotFoundError):
        snapshots.take(tmp_path, ID, files)
    assert left(tmp_path) == []


@pytest.mark.parametrize("name", ["../model", "/etc/model", "a/../../model", ".."])
def test_a_name_that_leads_out_of_the_snapshot_writes_nothing(tmp_path, files, name):
    with pytest.raises(ValueError, match="must lie inside its snapshot"):
        snapshots.take(tmp_path, ID, {**files, name: files["model.safetensors"]})
    assert left(tmp_path) == []


def test_what_a_killed_run_left_of_the_same_entry_is_replaced(tmp_path, files):
    for name in (ID, f".{ID}.part"):
        folder = tmp_path / "snapshots" / name
        folder.mkdir(parents=True)
        (folder / "old").touch()
    snapshots.take(tmp_path, ID, files)
    assert left(tmp_path) == WHOLE


def test_one_that_is_dropped_is_gone_and_the_others_stay(tmp_path, files):
    for id in (ID, OTHER):
        snapshots.take(tmp_path, id, files)
    snapshots.drop(tmp_path, OTHER)
    assert left(tmp_path) == WHOLE
    snapshots.drop(tmp_path, OTHER)
    snapshots.drop(tmp_path / "nowhere", ID)
    assert left(tmp_path) == WHOLE and all(path.exists() for path in files.values())


def test_a_sweep_keeps_what_it_is_told_to_and_what_is_not_ours(tmp_path, files):
    for id in (ID, OTHER):
        snapshots.take(tmp_path, id, files)
    for name in (f".{OTHER}.part", f".{OTHER}.gone", "bema", "notes-2026"):
        (tmp_path / "snapshots" / name).mkdir()
    snapshots.sweep(tmp_path, {ID})
    assert left(tmp_path) == sorted([*WHOLE, "bema", "notes-2026"])


def test_a_run_that_never_put_anything_is_swept_without_a_trace(tmp_path):
    snapshots.sweep(tmp_path, set())
    assert list(tmp_path.iterdir()) == []
