"""Rows for tokens that the embedding has none for: they train, are saved, and load again, with every kind of model."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from runs import Run
from safetensors.torch import load_file

from callsheet import CallsheetError
from callsheet.config.schema import ModelSettings
from callsheet.testing.trainers import ROWS, TINY
from callsheet.trainer.embedding import require_rows
from callsheet.trainer.models import load_model, load_tokenizer
from core.model_files.files import copy_demo

GROWN = "model.resize_embeddings=true"
NEW = "<t34>"  # the last of two tokens that the model has no rows for


def rows_with_new_tokens(trainer: str) -> list[dict[str, Any]]:
    return [
        {name: value + NEW if isinstance(value, str) else value for name, value in row.items()} for row in ROWS[trainer]
    ]


def loaded(folder: Path, **config: Any) -> tuple[str, ...]:
    """A model with weights in a folder, whose tokenizer has two tokens more than it has rows."""
    from transformers import set_seed

    copy_demo(folder, tokens=2, **config)
    set_seed(0)
    model = load_model(ModelSettings(path=str(folder), init="config"))
    model.save_pretrained(folder)
    return (f"model.path={folder}", "model.init=pretrained")


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("trainer", ["sft", "dpo", "grpo", "hf"])
def test_new_tokens_get_rows_that_train_and_load_again(
    run_trainer: Any, tmp_path: Path, trainer: str, tied: bool
) -> None:
    from transformers import AutoModelForCausalLM

    model = loaded(tmp_path / "model", tie_word_embeddings=tied)
    more = ("trainer.args.beta=0.1",) if trainer == "grpo" else ()
    settings = (*model, GROWN, "plugins=[]", "trainer.args.learning_rate=0.01", *more)
    session = run_trainer(trainer, *settings, rows=rows_with_new_tokens(trainer))
    folder = session.run_dir.path
    again = AutoModelForCausalLM.from_pretrained(folder)
    assert again.get_input_embeddings().weight.shape[0] == again.config.vocab_size == 35
    assert again.get_output_embeddings().weight.shape[0] == 35
    reference = getattr(session.state.trainer, "ref_model", None)
    assert reference is None or reference.get_input_embeddings().weight.shape[0] == 35
    old = load_file(tmp_path / "model" / "model.safetensors")["model.embed_tokens.weight"]
    assert old.shape[0] == 33, "the folder is as it was"


def test_an_adapter_on_new_rows_keeps_the_model_that_has_them_and_loads_again(run_trainer: Any, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    rows = rows_with_new_tokens("sft")
    kept = ("peft=lora", "peft.args.modules_to_save=[embed_tokens,lm_head]", "trainer.args.learning_rate=0.01")
    average = ("plugins=[bema]", "plugins.bema.update_freq=1")
    folder = run_trainer("sft", *loaded(tmp_path / "model"), GROWN, *kept, *average, rows=rows).run_dir.path
    saved = load_file(folder / "adapter_model.safetensors")
    assert {tensor.shape[0] for name, tensor in saved.items() if "lora" not in name} == {35}
    for place in (folder, folder / "bema"):
        assert AutoModelForCausalLM.from_pretrained(place).get_input_embeddings().weight.shape[0] == 35
    goes_on = (f"model.path={folder}", "model.init=pretrained", "plugins=[]")
    again = run_trainer("sft", *goes_on, rows=rows, output_dir="again").run_dir.path
    assert load_file(again / "adapter_model.safetensors").keys() == saved.keys()


def test_a_run_with_new_rows_goes_on_from_its_checkpoint(run_trainer: Any, tmp_path: Path) -> None:
    settings = (*loaded(tmp_path / "model"), GROWN, "plugins=[]", "trainer.args.save_steps=1")
    whole = run_trainer("sft", *settings, rows=rows_with_new_tokens("sft")).run_dir.path
    goes_on = (*settings, f"resume={whole}/checkpoint-1", f"dataset.path={tmp_path}/run.jsonl")
    again = run_trainer("sft", *goes_on, rows=rows_with_new_tokens("sft"), output_dir="again").run_dir.path
    one, other = (load_file(folder / "model.safetensors") for folder in (whole, again))
    assert one.keys() == other.keys() and all(one[name].equal(other[name]) for name in one)


@pytest.mark.slow
@pytest.mark.parametrize("launch", ["zero3", "fsdp2"])
def test_new_rows_train_in_parts_as_well(tmp_path: Path, launch: str) -> None:
    model = loaded(tmp_path / "model")
    lines = [json.dumps(row) + "\n" for row in rows_with_new_tokens("sft")]
    (tmp_path / "rows.jsonl").write_text("".join(lines))
    small = ("trainer=sft", f"dataset.path={tmp_path}/rows.jsonl", *TINY)
    settings = (*model, GROWN, "trainer.args.learning_rate=0.01", "trainer.args.warmup_steps=0")
    run = Run(tmp_path / "run", *settings, launch=launch, small=small).wait()
    rows = run.weights()["model.embed_tokens.weight"]
    assert rows.shape[0] == 35 and rows.isfinite().all()
    before = load_file(tmp_path / "model" / "model.safetensors")["model.embed_tokens.weight"]
    assert not rows[:33].equal(before), "it trained"


def test_a_loaded_tokenizer_with_more_tokens_is_refused_before_the_model_loads(tmp_path: Path) -> None:
    model = ModelSettings(path=str(copy_demo(tmp_path / "model", tokens=2)))
    tokenizer, config = load_tokenizer(model), SimpleNamespace(vocab_size=33)
    with pytest.raises(
        CallsheetError, match=r"has 35 tokens \(the last is '<t34>'\), and the embedding .* has 33 rows"
    ):
        require_rows(model, tokenizer, config)
    require_rows(model, tokenizer, SimpleNamespace(vocab_size=35))
    require_rows(model, tokenizer, SimpleNamespace())
    for chosen in (True, False):
        model.resize_embeddings = chosen
        require_rows(model, tokenizer, config)


def test_a_padding_token_may_be_one_of_the_new_ones(tmp_path: Path) -> None:
    loaded(tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "pad_token_id": 34}))
    with pytest.raises(CallsheetError, match="could not be loaded: Padding_idx must be within num_embeddings"):
        load_model(ModelSettings(path=str(path.parent), resize_embeddings=False))
    tokenizer = tmp_path / "model" / "tokenizer_config.json"
    tokenizer.write_text(json.dumps({**json.loads(tokenizer.read_text()), "pad_token": NEW}))
    model = load_model(ModelSettings(path=str(path.parent), resize_embeddings=True))
    assert model.config.pad_token_id == 34 and model.get_input_embeddings().weight.shape[0] == 35


def test_weights_of_another_shape_are_named_when_they_are_loaded(tmp_path: Path) -> None:
    loaded(tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "intermediate_size": 200}))
    with pytest.raises(CallsheetError) as refusal:
        load_model(ModelSettings(path=str(path.parent)))
    said = "mlp.down_proj.weight has the shape (64, 256) in the weights, and (64, 200) by config.json."
    assert said in str(refusal.value) and len(str(refusal.value).splitlines()) == 1


def test_a_file_that_is_damaged_meanwhile_is_named(tmp_path: Path) -> None:
    loaded(tmp_path / "model")
    path = tmp_path / "model" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CallsheetError, match=r"could not be loaded: .*model.safetensors is cut off"):
        load_model(ModelSettings(path=str(path.parent)))
