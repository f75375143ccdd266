"""sharding: what one process can show of it; two ranks are in the tests of the plugins that stand on it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
    PreTrainedModel,
)

from callsheet.sharding import Sharding, begin_saving, save_model
from callsheet.sharding import layout as layouts

SIZES = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 64}


def llama(**config: Any) -> LlamaForCausalLM:
    return LlamaForCausalLM(LlamaConfig(**{**SIZES, **config}))


class WithBuffers(LlamaForCausalLM):
    """A model that also saves something that is no parameter."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__(config)
        self.register_buffer("seen", torch.arange(7))


class Experts(LlamaForCausalLM):
    """A model whose parameters stand in lists, as experts do."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__(config)
        self.experts = torch.nn.ParameterList([torch.nn.Parameter(torch.randn(3, number + 1)) for number in range(5)])


MODELS: dict[str, Callable[[], PreTrainedModel]] = {
    "plain": llama,
    "tied": lambda: llama(tie_word_embeddings=True),
    "bfloat16": lambda: llama().bfloat16(),
    "buffers": lambda: WithBuffers(LlamaConfig(**SIZES)),
    "lists of parameters": lambda: Experts(LlamaConfig(**SIZES)),
    "transposed": lambda: GPT2LMHeadModel(GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=64)),
    "fused experts": lambda: MixtralForCausalLM(MixtralConfig(num_local_experts=2, num_key_value_heads=2, **SIZES)),
}


def files(folder: Path) -> dict[str, dict[str, torch.Tensor]]:
    return {path.name: load_file(path) for path in folder.glob("*.safetensors")}


def identical(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    assert one.keys() == other.keys()
    return all(torch.equal(one[name], other[name]) and one[name].dtype == other[name].dtype for name in one)


@pytest.mark.parametrize("kind", MODELS)
def test_a_folder_is_what_save_pretrained_would_have_written(kind: str, tmp_path: Path) -> None:
    model = MODELS[kind]()
    save_model(model, Sharding(model), tmp_path / "ours", lambda name: None)
    model.save_pretrained(tmp_path / "theirs")
    ours, theirs = files(tmp_path / "ours"), files(tmp_path / "theirs")
    assert sorted(path.name for path in (tmp_path / "ours").iterdir()) == sorted(
        path.name for path in (tmp_path / "theirs").iterdir()
    )
    assert all(identical(ours[name], theirs[name]) for name in theirs)
    assert (tmp_path / "ours" / "config.json").read_text() == (tmp_path / "theirs" / "config.json").read_text()


@pytest.mark.parametrize("kind", MODELS)
def test_a_thread_writes_the_same_folder_or_nothing_is_written(kind: str, tmp_path: Path) -> None:
    model = MODELS[kind]()
    write = begin_saving(model, Sharding(model), tmp_path / "ours")
    assert (write is None) == (kind == "fused experts")
    if write is None:
        assert not (tmp_path / "ours").exists()
        return
    assert not list((tmp_path / "ours").glob("*.safetensors"))
    thread = threading.Thread(target=write, args=(lambda name: None,))
    thread.start()
    thread.join(60)
    model.save_pretrained(tmp_path / "theirs")
    ours, theirs = files(tmp_path / "ours"), files(tmp_path / "theirs")
    assert theirs and all(identical(ours[name], theirs[name]) for name in theirs)


def test_a_large_model_is_split_into_files_with_an_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layouts, "_max_shard_size", lambda kind: 10_000)
    model = llama()
    save_model(model, Sharding(model), tmp_path / "ours", lambda name: None)
    model.save_pretrained(tmp_path / "theirs", max_shard_size=10_000)
    index = "model.safetensors.index.json"
    ours, theirs = (json.loads((tmp_path / whose / index).read_text()) for whose in ("ours", "theirs"))
    assert ours == theirs and len(set(ours["weight_map"].values())) > 2
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "ours")
    assert identical(dict(loaded.state_dict()), dict(model.state_dict()))


def test_other_weights_take_the_place_of_the_model_s_own(tmp_path: Path) -> None:
    model = llama(tie_word_embeddings=True)
    sharding = Sharding(model)
    save_model(model, sharding, tmp_path, lambda name: sharding.shards[name].read() + 1 if "embed" in name else None)
    saved = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert torch.equal(saved.lm_head.weight, model.lm_head.weight + 1)
    assert torch.equal(saved.model.norm.weight, model.model.norm.weight)
