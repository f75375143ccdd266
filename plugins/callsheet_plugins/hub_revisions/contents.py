"""The files of a checkpoint to publish: those that loading a model needs, and no others."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

MODEL = (
    "*.safetensors",
    "*.safetensors.index.json",
    "config.json",
    "generation_config.json",
    "adapter_config.json",
    "tokenizer*.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "*.model",
    "*.tiktoken",
    "chat_template*",
    "processor_config.json",
    "preprocessor_config.json",
    "modeling_*.py",
    "configuration_*.py",
    "tokenization_*.py",
)
# `include` cannot add these: training_args.bin holds hub_token in plain text, and nobody else can use the others.
NEVER = (
    "training_args.bin",
    "optimizer*",
    "scheduler*",
    "scaler*",
    "rng_state*",
    "trainer_state.json",
    "*.pt",
    "*.pth",
)


def chosen(folder: Path, include: Sequence[str]) -> dict[str, Path]:
    """The files of a model folder to publish, keyed by name; `include` adds patterns."""
    found = {}
    for path in sorted(folder.iterdir()):
        wanted = any(fnmatch(path.name, pattern) for pattern in (*MODEL, *include))
        if wanted and path.is_file() and not any(fnmatch(path.name, pattern) for pattern in NEVER):
            found[path.name] = path
    return found
