"""Files that folders of a run share."""

import os
from pathlib import Path

import pytest

from callsheet.disk.descent import Outside
from callsheet.disk.regular import Irregular
from callsheet.rundir.links import copy, link, link_all, link_or_copy


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_file_that_a_symbolic_link_names_is_had_itself(tmp_path, name):
    (tmp_path / "blobs").mkdir()
    (tmp_path / "there").mkdir()
    (tmp_path / "blobs" / "1").write_text("content")
    (tmp_path / name).symlink_to(Path("blobs") / "1")
    link_or_copy(tmp_path / name, tmp_path / "there" / name)
    assert not (tmp_path / "there" / name).is_symlink() and (tmp_path / "there" / name).read_text() == "content"


def test_on_another_file_system_a_link_becomes_a_copy(tmp_path):
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system to write to")
    (tmp_path / "source").write_text("content")
    target = memory / f"callsheet-{tmp_path.parent.name}-{tmp_path.name}"
    try:
        link(tmp_path / "source", target)
        assert target.read_text() == "content"
    finally:
        target.unlink(missing_ok=True)


def test_a_file_that_is_gone_is_no_reason_to_copy(tmp_path):
    with pytest.raises(FileNotFoundError):
        link(tmp_path / "gone", tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_what_takes_the_place_of_a_shared_file_leaves_the_other_names_of_it_alone(tmp_path: Path) -> None:
    first, second, shared = (tmp_path / f"{name}.safetensors" for name in ("first", "second", "shared"))
    first.write_bytes(b"first")
    second.write_bytes(b"second")
    link_or_copy(first, shared)
    link_or_copy(second, shared)
    assert shared.read_bytes() == b"second" and first.read_bytes() == b"first"
    assert shared.stat().st_ino == second.stat().st_ino


def cache(tmp_path: Path) -> Path:
    """A repository in the Hub's cache, as huggingface_hub lays it out, and its snapshot."""
    snapshot = tmp_path / "models--me--it" / "snapshots" / "c0ffee"
    (tmp_path / "models--me--it" / "blobs").mkdir(parents=True)
    (tmp_path / "models--me--it" / "blobs" / "1").write_text("content")
    (snapshot / "onnx").mkdir(parents=True)
    return snapshot


@pytest.mark.parametrize("share", [link, copy, link_or_copy, lambda *about: all_of_one(*about)])
@pytest.mark.parametrize("name", ["model.safetensors", "onnx/config.json"])
def test_a_link_of_the_hubs_cache_is_followed(tmp_path, share, name):
    snapshot, run = cache(tmp_path), tmp_path / "run"
    run.mkdir()
    depth = "../" * (2 + name.count("/"))
    (snapshot / name).symlink_to(f"{depth}blobs/1")
    share(snapshot / name, run / "file.json", run)
    assert (run / "file.json").read_text() == "content" and not (run / "file.json").is_symlink()


def test_the_users_own_link_to_a_folder_of_the_cache_is_followed(tmp_path):
    snapshot = cache(tmp_path)
    (snapshot / "config.json").symlink_to("../../blobs/1")
    (tmp_path / "mine").symlink_to(snapshot)
    link(tmp_path / "mine" / "config.json", tmp_path / "config.json")
    assert (tmp_path / "config.json").read_text() == "content"


@pytest.mark.parametrize("share", [link, copy, link_or_copy])
@pytest.mark.parametrize("target", ["../../../secret", "../../refs/main", "../../blobs/link", "/etc/hostname"])
def test_any_other_link_of_the_cache_is_refused(tmp_path, share, target):
    snapshot = cache(tmp_path)
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "models--me--it" / "refs").mkdir()
    (tmp_path / "models--me--it" / "refs" / "main").write_text("c0ffee")
    (tmp_path / "models--me--it" / "blobs" / "link").symlink_to("../../secret")
    (snapshot / "config.json").symlink_to(target)
    with pytest.raises(Outside, match="is a symbolic link to"):
        share(snapshot / "config.json", tmp_path / "target")
    assert not os.path.lexists(tmp_path / "target") and (tmp_path / "secret").stat().st_nlink == 1


def all_of_one(source, target, root):
    link_all({target: source}, root)


@pytest.mark.parametrize("share", [link, copy, link_or_copy, all_of_one])
@pytest.mark.parametrize("place", ["checkpoint-4/merges.txt", "checkpoint-4"])
def test_in_the_run_directory_no_link_is_followed(tmp_path, share, place):
    run, outside = tmp_path / "run", tmp_path / "outside"
    for folder in (run, outside):
        (folder / "checkpoint-4").mkdir(parents=True)
        (folder / "checkpoint-4" / "merges.txt").write_text(folder.name)
    (run / place).rename(tmp_path / "aside")
    (run / place).symlink_to(outside / place)
    with pytest.raises(Outside, match=f"run/{place} is a symbolic link to .*, which leaves the run directory; remove"):
        share(run / "checkpoint-4" / "merges.txt", run / "target.txt", run)
    assert not os.path.lexists(run / "target.txt")
    assert (outside / "checkpoint-4" / "merges.txt").stat().st_nlink == 1


def test_a_folder_is_shared_without_the_links_in_it(tmp_path):
    (tmp_path / "formed").mkdir()
    (tmp_path / "formed" / "config.json").write_text("{}")
    (tmp_path / "formed" / "merges.txt").symlink_to("/etc/hostname")
    with pytest.raises(Outside, match=r"formed/merges.txt is a symbolic link to /etc/hostname"):
        link_or_copy(tmp_path / "formed", tmp_path / "there", tmp_path)


def test_a_link_planted_at_the_target_is_not_written_through(tmp_path):
    (tmp_path / "outside").write_text("theirs")
    (tmp_path / "source.json").write_text("ours")
    (tmp_path / "target.json").symlink_to(tmp_path / "outside")
    for share in (link, copy):
        with pytest.raises(FileExistsError):
            share(tmp_path / "source.json", tmp_path / "target.json")
    link_or_copy(tmp_path / "source.json", tmp_path / "target.json")
    assert (tmp_path / "outside").read_text() == "theirs" and (tmp_path / "target.json").read_text() == "ours"


@pytest.mark.parametrize("share", [link, copy])
def test_what_is_no_regular_file_is_not_shared(tmp_path, share):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(Irregular, match="fifo is a FIFO, no regular file"):
        share(tmp_path / "fifo", tmp_path / "target")
    assert not os.path.lexists(tmp_path / "target")
