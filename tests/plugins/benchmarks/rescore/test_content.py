"""The name of a model folder by its content."""

import json
import shutil

from callsheet.outbox import Hashes
from callsheet_plugins.benchmarks.rescore.content import content_of
from plugins.benchmarks.conftest import checkpoint


def adapter(folder, base):
    folder.mkdir()
    (folder / "adapter_model.safetensors").write_bytes(b"adapter")
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(base), "r": 8}))
    return folder


def test_the_content_of_a_folder_is_its_weights_and_what_else_answers_depend_on(tmp_path):
    folder, hashes = checkpoint(tmp_path, 3).path, Hashes(tmp_path)
    before = content_of(folder, hashes)
    copied = shutil.copytree(folder, tmp_path / "copy")
    (copied / "README.md").write_text("other words")
    (copied / "optimizer.pt").write_text("other moments")
    assert content_of(copied, hashes) == before and len(before) == 40
    for name in ("model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"):
        kept = (copied / name).read_text() if (copied / name).exists() else None
        (copied / name).write_text(f"{kept or ''} ")
        assert content_of(copied, hashes) != before, name
        (copied / name).unlink() if kept is None else (copied / name).write_text(kept)
    assert content_of(copied, hashes) == before


def test_of_an_adapter_the_base_counts_and_not_where_it_lies(tmp_path):
    base, hashes = checkpoint(tmp_path, 3).path, Hashes(tmp_path)
    before = content_of(adapter(tmp_path / "one", base), hashes)
    moved = base.rename(tmp_path / "moved")
    assert content_of(adapter(tmp_path / "two", moved), hashes) == before
    (moved / "model.safetensors").write_bytes(b"others")
    assert content_of(tmp_path / "two", hashes) != before
    assert content_of(adapter(tmp_path / "three", "me/model"), hashes) != before, "a name on the Hub is only a name"
