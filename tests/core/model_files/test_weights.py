"""The files with a model's weights: whole, cut off, or not there."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from callsheet.model_files.contents import Damaged
from callsheet.model_files.weights import OF_ADAPTER, check
from core.model_files.files import write_tensors

FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


def sharded(folder: Path, **weight_map: Any) -> Path:
    write_tensors(folder / FIRST, {"a": (2, 2)})
    write_tensors(folder / SECOND, {"b": (3,)})
    index = {"metadata": {}, "weight_map": {"a": FIRST, "b": SECOND, **weight_map}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def refusal(folder: Path, *names: Any) -> str:
    with pytest.raises(Damaged) as refused:
        check(folder, *names)
    assert str(folder) in str(refused.value)
    return str(refused.value)


def test_shards_are_read_as_one(tmp_path: Path) -> None:
    assert check(sharded(tmp_path)) == {"a": (2, 2), "b": (3,)}


def test_a_whole_file_goes_before_an_index_and_nothing_is_no_damage(tmp_path: Path) -> None:
    assert check(tmp_path) == {}
    write_tensors(sharded(tmp_path) / "model.safetensors", {"c": (1,)})
    (tmp_path / FIRST).unlink()
    assert check(tmp_path) == {"c": (1,)}


def test_missing_shards_are_named(tmp_path: Path) -> None:
    (sharded(tmp_path) / SECOND).unlink()
    assert f"index.json names a file that is not there: {SECOND}. Copy or download what is missing." in refusal(
        tmp_path
    )
    sharded(tmp_path, **{f"t{number}": f"part-{number}.safetensors" for number in range(5)})
    said = "names 5 files that are not there: part-0.safetensors, part-1.safetensors, part-2.safetensors and 2 more."
    assert said in refusal(tmp_path)


def test_a_shard_without_its_tensor_is_named(tmp_path: Path) -> None:
    assert f"{FIRST} holds no tensor 'c', which model.safetensors.index.json names there" in refusal(
        sharded(tmp_path, c=FIRST)
    )


def test_a_shard_that_is_cut_off_is_named(tmp_path: Path) -> None:
    shard = sharded(tmp_path) / FIRST
    shard.write_bytes(shard.read_bytes()[:-3])
    assert f"{FIRST} is cut off: it holds 13 of the 16 bytes" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ": it is empty"),
        ("{", ": it is no JSON"),
        ("{}", " has no weight_map"),
        ("[]", ": it is a list, an object"),
    ],
)
def test_an_index_that_is_none_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(text)
    assert f"model.safetensors.index.json{said}" in refusal(tmp_path)


def test_a_link_to_nothing_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").symlink_to("blobs/none")
    assert "model.safetensors is a symbolic link to blobs/none, which does not exist." in refusal(tmp_path)


def test_pickles_are_looked_at_from_outside(tmp_path: Path) -> None:
    path = tmp_path / "adapter_model.bin"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", "x" * 100)
    assert check(tmp_path, OF_ADAPTER) == {}
    path.write_bytes(path.read_bytes()[:-30])
    assert "adapter_model.bin is cut off: the end of the archive is missing" in refusal(tmp_path, OF_ADAPTER)
    path.write_bytes(b"")
    assert "adapter_model.bin is empty" in refusal(tmp_path, OF_ADAPTER)
