"""A real Trainer on a model of a few hundred weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def tiny_trainer(tmp_path: Path) -> Callable[..., Any]:
    """`tiny_trainer(callbacks=[...], max_steps=6, ...)`: a Trainer that writes into `tmp_path / "run"`."""
    from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments, set_seed

    def make(*, callbacks: Any = None, folder: str = "run", tied: bool = False, **arguments: Any) -> Any:
        set_seed(0)
        config = LlamaConfig(
            vocab_size=16,
            hidden_size=8,
            intermediate_size=8,
            num_hidden_layers=1,
            num_attention_heads=1,
            tie_word_embeddings=tied,
        )
        rows = [{"input_ids": [1, 2, n % 16], "labels": [1, 2, n % 16]} for n in range(32)]
        plain = {"use_cpu": True, "report_to": "none", "max_steps": 6, "save_steps": 2, "logging_steps": 2}
        args = TrainingArguments(str(tmp_path / folder), **{**plain, **arguments})
        return Trainer(LlamaForCausalLM(config), args, train_dataset=rows, eval_dataset=rows[:8], callbacks=callbacks)

    return make
