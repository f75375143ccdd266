"""Which tensor goes into which file, known without the content of any."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from callsheet.sharding import Sharding
from callsheet.sharding import layout as layouts
from callsheet.sharding.layout import layout_of, sources_of
from core.sharding.test_saving import MODELS, SIZES, llama


def planned(model: Any) -> layouts.Layout:
    found = layout_of(model, Sharding(model))
    assert found is not None
    return found


def test_nothing_is_held_but_shapes_and_types() -> None:
    layout = planned(llama().bfloat16())
    assert all(meta.is_meta and meta.dtype == torch.bfloat16 for meta in layout.metas.values())
    assert layout.size == sum(parameter.nbytes for parameter in llama().bfloat16().parameters())


def test_every_tensor_stands_in_one_file_and_each_has_a_source() -> None:
    model = llama()
    layout = planned(model)
    keys = [key for names in layout.files.values() for key in names]
    assert sorted(keys) == sorted(layout.metas) == sorted(layout.sources) and len(keys) == len(set(keys))
    assert {*layout.sources.values()} == {name for name, _ in model.named_parameters()}


def test_tied_weights_have_one_source_under_each_of_their_names() -> None:
    tied = sources_of(llama(tie_word_embeddings=True))
    assert tied["lm_head.weight"] == tied["model.embed_tokens.weight"] == "model.embed_tokens.weight"
    apart = sources_of(llama())
    assert apart["lm_head.weight"] == "lm_head.weight"


def test_a_buffer_is_its_own_source() -> None:
    assert sources_of(MODELS["buffers"]())["seen"] == "seen"


def test_wrappers_are_in_no_key() -> None:
    from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper

    model: Any = llama()
    expected = sources_of(model)
    first, second = model.model.layers
    model.model.layers[0] = checkpoint_wrapper(first)
    model.model.layers[1] = torch.compile(second)  # compiles when it is called, which nobody does
    assert any("_orig_mod" in key for key in model.state_dict()) and sources_of(model) == expected


def test_no_file_is_larger_than_the_limit_unless_one_tensor_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layouts, "_max_shard_size", lambda kind: 10_000)
    layout = planned(llama())
    sizes = [sum(layout.metas[key].nbytes for key in keys) for keys in layout.files.values()]
    assert len(sizes) > 2 and all(
        size <= 10_000 or len(keys) == 1 for size, keys in zip(sizes, layout.files.values(), strict=True)
    )


def test_weights_that_must_be_rearranged_have_no_layout() -> None:
    model = MODELS["fused experts"]()
    assert layout_of(model, Sharding(model)) is None


def test_a_model_of_another_layout_keeps_the_names_it_is_saved_under() -> None:
    model = GPT2LMHeadModel(GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=SIZES["vocab_size"]))
    assert "transformer.wte.weight" in planned(model).metas
