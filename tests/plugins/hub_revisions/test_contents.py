"""What of a checkpoint is published."""

import pytest

from callsheet_plugins.hub_revisions.contents import chosen

MODEL = [
    "config.json",
    "model-00001-of-00002.safetensors",
    "model.safetensors.index.json",
    "tokenizer.json",
    "vocab.txt",
]
OTHERS = ["notes.txt", "events.jsonl", ".hidden"]
NEVER = [
    "training_args.bin",
    "optimizer.pt",
    "optimizer.safetensors",
    "scheduler.pt",
    "rng_state_0.pth",
    "trainer_state.json",
]


@pytest.fixture
def folder(tmp_path):
    for name in (*MODEL, *OTHERS, *NEVER):
        (tmp_path / name).write_text("{}")
    (tmp_path / "config.json.d").mkdir()
    return tmp_path


def test_only_what_a_model_is_loaded_from_is_chosen(folder):
    assert [*chosen(folder, [])] == sorted(MODEL)


def test_more_is_chosen_where_asked_for_but_never_what_may_hold_a_token(folder):
    assert {*chosen(folder, ["*"])} == {*MODEL, *OTHERS}
