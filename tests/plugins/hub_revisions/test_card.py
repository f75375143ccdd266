"""The model card of a step tells what others can use, and nothing of the machine."""

import json

import pytest

from callsheet_plugins.hub_revisions.card import card


def written(model, data):
    config = {"trainer": {"name": "dpo"}, "model": {"path": model}, "dataset": {"path": data}}
    return card("model main", 7, 0.5, {"eval_loss": 0.25}, config)


@pytest.mark.parametrize("name", ["Qwen/Qwen3-0.6B", "gpt2"])
def test_what_is_on_the_hub_is_named(name):
    said = written(name, "trl-lib/Capybara")
    assert f"base_model: {json.dumps(name)}" in said and f"Trained from `{name}`." in said
    assert "Data: `trl-lib/Capybara`." in said and '"trl", "dpo"' in said and "| eval_loss | 0.25 |" in said


@pytest.mark.parametrize(
    "path", ["/home/me/model", "~/model", "./model", "${callsheet.bundled:demo/model}", "here/x", "a/b/c", None]
)
def test_a_place_on_this_machine_is_not(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here" / "x").mkdir(parents=True)
    said = written(path, path)
    assert "base_model" not in said and "Trained from" not in said and "Data:" not in said


def test_an_adapter_is_one_of_peft_and_says_of_which_model():
    config = {"trainer": {"name": "sft"}, "model": {"path": "/home/me/model"}}
    said = card("model main", 7, 0.5, {}, config, "me/base", is_adapter=True)
    assert "library_name: peft\n" in said and 'base_model: "me/base"\nbase_model_relation: adapter\n' in said
    said = card("model main", 7, 0.5, {}, config, is_adapter=True)
    assert "library_name: peft\n" in said and "base_model" not in said
    assert "library_name: transformers\n" in written("gpt2", "x/y")
