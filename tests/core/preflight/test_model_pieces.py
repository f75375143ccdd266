"""Pieces of a model that do not fit, and files that are not whole, are refused before anything is loaded."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from callsheet.config.compose import compose
from callsheet.config.plan import make_plan
from callsheet.config.schema import ModelSettings, PeftSettings
from callsheet.preflight.model_pieces import problems, warnings
from core.model_files.files import copy_demo, write_tensors

EMBEDDING = {"model.embed_tokens.weight": (33, 64)}


@pytest.fixture(scope="module")
def plan() -> Any:
    return make_plan(compose(["recipe=demo", "plugins=[]", "output_dir=run"]))


def of(plan: Any, folder: Path, **settings: Any) -> Any:
    """The plan of a run with the model in `folder`."""
    return replace(plan, model=ModelSettings(**{"path": str(folder), "init": "pretrained", **settings}))


def whole(folder: Path, tokens: int = 0, **config: Any) -> Path:
    write_tensors(copy_demo(folder, tokens, **config) / "model.safetensors", EMBEDDING)
    return folder


def adapter(folder: Path, base: Path, tokens: int = 0) -> Path:
    copy_demo(folder, tokens)
    (folder / "config.json").unlink()
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(base)}))
    write_tensors(folder / "adapter_model.safetensors", {"lora_A": (2, 2)})
    return folder


def test_a_whole_model_is_taken(plan: Any, tmp_path: Path) -> None:
    assert problems(of(plan, whole(tmp_path / "model"))) == []
    padded = copy_demo(tmp_path / "padded", vocab_size=64)
    write_tensors(padded / "model.safetensors", {"wte.weight": (64, 8)})
    assert problems(of(plan, padded)) == []


LACKING = "the tokenizer has 35 tokens (the last is '<t34>'), and the embedding of the model has 33 rows."
OFFER = (
    "model.resize_embeddings=true adds rows, which training then learns; model.resize_embeddings=false leaves the model "
    "as it is, for tokens that no text has."
)


@pytest.mark.parametrize("init", ["pretrained", "config"])
def test_tokens_without_rows_are_refused_with_what_to_set(plan: Any, tmp_path: Path, init: str) -> None:
    folder = whole(tmp_path / "model", tokens=2)
    assert problems(of(plan, folder, init=init)) == [f"model.path={folder}: {LACKING} {OFFER}"]
    assert warnings(of(plan, folder, init=init)) == []
    grown = of(plan, folder, init=init, resize_embeddings=True)
    assert (problems(grown), warnings(grown)) == ([], [])
    left = of(plan, folder, init=init, resize_embeddings=False)
    assert problems(left) == [] and "will end the run" in warnings(left)[0]


def test_of_an_adapter_the_rows_of_its_base_count(plan: Any, tmp_path: Path) -> None:
    base = whole(tmp_path / "base")
    assert problems(of(plan, adapter(tmp_path / "fits", base))) == []
    assert LACKING in problems(of(plan, adapter(tmp_path / "adapter", base, tokens=2)))[0]


def test_a_new_adapter_does_not_train_new_rows_and_that_is_said(plan: Any, tmp_path: Path) -> None:
    plan = of(plan, whole(tmp_path / "model", tokens=2), resize_embeddings=True)
    assert warnings(replace(plan, peft=PeftSettings("LoraConfig"))) == [
        "model.resize_embeddings=true adds 2 rows, which peft=LoraConfig does not train. "
        "'peft.args.modules_to_save=[embed_tokens,lm_head]' does."
    ]
    assert warnings(replace(plan, peft=PeftSettings("LoraConfig", {"modules_to_save": ["embed_tokens"]}))) == []


def test_a_reference_and_a_reward_model_are_looked_at_too(plan: Any, tmp_path: Path) -> None:
    small = copy_demo(tmp_path / "small", vocab_size=20)
    write_tensors(small / "model.safetensors", {"model.embed_tokens.weight": (20, 64)})
    plan = of(plan, whole(tmp_path / "model"))
    [said] = problems(replace(plan, trainer=replace(plan.trainer, ref_model=str(small))))
    assert f"trainer.ref_model={small}: the tokenizer has 33 tokens" in said and "has 20 rows" in said
    judged = replace(plan, trainer=replace(plan.trainer, rewards=[str(small)]))
    assert f"trainer.rewards: {small}: the tokenizer has 33 tokens" in problems(judged)[0]
    (small / "model.safetensors").write_bytes(b"")
    assert [f"trainer.rewards: {small}/model.safetensors is empty." in said for said in problems(judged)] == [True]


def test_weights_of_another_model_are_told_by_their_embedding(plan: Any, tmp_path: Path) -> None:
    folder = whole(tmp_path / "model", vocab_size=40)
    assert problems(of(plan, folder)) == [
        f"model.path={folder}: {folder}/config.json says vocab_size=40, and the embedding in the weights of {folder} has "
        "33 rows. Take both from one model."
    ]
    assert problems(of(plan, folder, init="config")) == []


@pytest.mark.parametrize(
    "name", ["config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json", "model.safetensors"]
)
@pytest.mark.parametrize("how", ["cut", "empty", "pointer"])
def test_a_file_that_is_not_whole_is_named_in_one_sentence(plan: Any, tmp_path: Path, name: str, how: str) -> None:
    path = whole(tmp_path / "model") / name
    content = path.read_bytes()
    changed = {"cut": content[: len(content) // 2], "empty": b"", "pointer": b"version https://git-lfs.github.com"}
    path.write_bytes(changed[how])
    [said] = problems(of(plan, tmp_path / "model"))
    assert said.startswith(f"model.path={tmp_path}/model: {path}") and said.count("\n") == 0


def test_an_adapter_and_the_weights_of_its_base_are_looked_at(plan: Any, tmp_path: Path) -> None:
    base = whole(tmp_path / "base")
    folder = adapter(tmp_path / "adapter", base)
    for path in (base / "model.safetensors", folder / "adapter_model.safetensors"):
        content = path.read_bytes()
        path.write_bytes(content[:-1])
        [said] = problems(of(plan, folder))
        assert f"model.path={folder}: {path} is cut off" in said
        path.write_bytes(content)


def test_a_missing_shard_is_refused_by_the_command(callsheet: Any, tmp_path: Path) -> None:
    folder = copy_demo(tmp_path / "model")
    index = {"weight_map": {"a": "model-1.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    settings = (f"model.path={folder}", "model.init=pretrained", "output_dir=run")
    done = callsheet("train", "recipe=demo", "plugins=[]", *settings)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert "names a file that is not there: model-1.safetensors. Copy or download what is missing." in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_damaged_adapter_hides_no_other_problem(callsheet: Any, tmp_path: Path) -> None:
    folder = adapter(tmp_path / "adapter", tmp_path)
    (folder / "adapter_config.json").write_text("{")
    settings = (f"model.path={folder}", "model.init=pretrained", "trainer.args.max_stepz=1")
    done = callsheet("check", "recipe=demo", "plugins=[]", *settings)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "adapter_config.json: it is no JSON" in done.stderr and "max_stepz" in done.stderr
