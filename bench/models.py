"""The model that is measured with."""

from __future__ import annotations

from typing import Any

from transformers import LlamaConfig, LlamaForCausalLM


def llama(**sizes: Any) -> LlamaForCausalLM:
    """58.7 million float32 parameters, embeddings and head apart."""
    defaults = {"hidden_size": 512, "intermediate_size": 1424, "num_hidden_layers": 8, "num_attention_heads": 8}
    return LlamaForCausalLM(LlamaConfig(vocab_size=32_000, **{**defaults, **sizes}))
