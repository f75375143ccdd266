"""The number of tokens by the files of a tokenizer: what transformers has once it has loaded them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from callsheet.model_files.rows import rows_in, rows_of
from callsheet.model_files.tokens import tokens_in
from core.model_files.files import copy_demo

ADDED = {
    "content": "<new>",
    "lstrip": False,
    "normalized": False,
    "rstrip": False,
    "single_word": False,
    "special": True,
}


def change(folder: Path, name: str, **content: Any) -> None:
    path = folder / name
    path.write_text(json.dumps({**(json.loads(path.read_text()) if path.exists() else {}), **content}))


@pytest.mark.parametrize(
    ("name", "content", "count"),
    [
        ("tokenizer_config.json", {}, 33),
        ("tokenizer_config.json", {"pad_token": "[PAD]"}, 34),
        ("tokenizer_config.json", {"extra_special_tokens": ["<a>", "<b>", "<pad>"]}, 35),
        ("tokenizer_config.json", {"extra_special_tokens": {"image_token": "<image>"}}, 34),
        ("tokenizer_config.json", {"additional_special_tokens": ["<a>"]}, 34),
        ("tokenizer_config.json", {"added_tokens_decoder": {"33": ADDED}}, 34),
        ("special_tokens_map.json", {"pad_token": {**ADDED}}, 34),
        ("added_tokens.json", {"<new>": 33, "<pad>": 0}, 34),
    ],
    ids=str,
)
def test_the_files_tell_what_transformers_loads(tmp_path: Path, name: str, content: dict[str, Any], count: int) -> None:
    from transformers import AutoTokenizer

    folder = copy_demo(tmp_path / "model")
    change(folder, name, **content)
    found, loaded = tokens_in(folder), AutoTokenizer.from_pretrained(folder)
    assert found is not None and found.count == len(loaded) == count
    assert loaded.convert_tokens_to_ids(found.last) == count - 1


def test_added_tokens_count_and_the_last_one_is_named(tmp_path: Path) -> None:
    found = tokens_in(copy_demo(tmp_path / "model", tokens=5))
    assert found is not None and (found.count, found.last) == (38, "<t37>")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("tokenizer.json", json.dumps({"model": {"type": "Unigram", "vocab": [["a", 0.0], ["b", -1.0]]}})),
        ("vocab.json", json.dumps({"a": 0, "b": 1})),
        ("vocab.txt", "a\nb\n"),
    ],
)
def test_other_kinds_of_vocabulary_are_read(tmp_path: Path, name: str, text: str) -> None:
    assert tokens_in(tmp_path) is None
    (tmp_path / name).write_text(text)
    found = tokens_in(tmp_path)
    assert found is not None and (found.count, found.last) == (2, "b")


def test_rows_stand_in_the_configuration_or_in_the_one_part_that_has_them() -> None:
    assert rows_of({"vocab_size": 7, "text_config": {"vocab_size": 9}}) == 7
    assert rows_of({"text_config": {"vocab_size": 9}, "vision_config": {"hidden_size": 3}}) == 9
    assert rows_of({"encoder": {"vocab_size": 9}, "decoder": {"vocab_size": 8}}) is None
    assert rows_of({"vocab_size": None}) is None
    assert rows_in({"model.embed_tokens.weight": (7, 2), "lm_head.weight": (9, 2), "wte.weight": (8,)}) == {7}
