"""Files that folders of a run share."""

from pathlib import Path

import pytest

from callsheet.rundir.links import link, link_or_copy


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
