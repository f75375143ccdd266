"""Heads of safetensors files: what the library takes is taken, what it refuses is refused with the file's name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors
from privileges import modes_count

from callsheet.model_files.contents import Damaged
from callsheet.model_files.safetensors import misfits, shapes_in
from core.model_files.files import write_tensors

SHAPES = {"a": (3, 4), "b": (), "c": (0, 7), "d": (5,)}


def opened(path: Path) -> dict[str, tuple[int, ...]]:
    with safetensors.safe_open(path, "numpy") as file:
        return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - no mapping


def test_a_whole_file_tells_its_shapes(tmp_path: Path) -> None:
    path = write_tensors(tmp_path / "model.safetensors", SHAPES)
    assert shapes_in(path) == opened(path) == SHAPES


def cut(count: int) -> Callable[[bytes], bytes]:
    return lambda content: content[:count]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (cut(-1), "is cut off: it holds 71 of the 72 bytes of its tensors. Copy or download it again."),
        (cut(100), "is cut off inside its header: it has 100 bytes."),
        (cut(5), "is cut off inside its header: it has 5 bytes."),
        (cut(0), "is empty. Copy or download it again."),
        (lambda content: content + b"\0", "has 1 bytes more than its header says."),
        (lambda content: b"\xff" * 8 + content[8:], "is no safetensors file, or its header is damaged."),
        (lambda content: content[:8] + b"#" + content[9:], "its header is damaged (it is no JSON (expecting value"),
        (lambda content: content.replace(b"[3, 4]", b"[3, 5]"), "is damaged (a has 48 bytes, not those of its shape"),
        (lambda content: content.replace(b"[48, 52]", b"[44, 48]"), "is damaged: its tensors overlap."),
        (
            lambda content: content.replace(b"data_offsets", b"data_offsetz", 1),
            "is damaged (a: it has no data_offsets).",
        ),
        (lambda content: b"<html>\n<head><title>404", "is no safetensors file, or its header is damaged."),
        (lambda content: b"version https://git-lfs.github.com/spec/v1\noid", "only points to a file in Git LFS"),
    ],
)
def test_what_the_library_refuses_is_refused_by_name(
    tmp_path: Path, change: Callable[[bytes], bytes], said: str
) -> None:
    path = write_tensors(tmp_path / "model.safetensors", SHAPES)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(safetensors.SafetensorError):
        opened(path)
    with pytest.raises(Damaged) as refusal:
        shapes_in(path)
    assert said in str(refusal.value) and str(path) in str(refusal.value)


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    path = write_tensors(tmp_path / "model.safetensors", SHAPES)
    path.chmod(0)
    with modes_count(), pytest.raises(Damaged, match="model.safetensors cannot be read: it belongs to"):
        shapes_in(path)


def test_shapes_are_compared_by_name() -> None:
    assert [*misfits({"a": (1, 2), "b": (3,), "d": (1,)}, {"a": (2, 2), "b": (3,), "c": (9,)})] == [
        ("a", (1, 2), (2, 2))
    ]
