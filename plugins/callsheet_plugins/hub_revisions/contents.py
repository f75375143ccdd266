"""The files of a checkpoint to publish: those that loading a model needs, and no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path

from callsheet.secrets import redact_text

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
SCANNED_BYTES = 4 << 20


def chosen(folder: Path, include: Sequence[str]) -> dict[str, Path]:
    """The files of a model folder to publish, keyed by name; `include` adds patterns."""
    found = {}
    for path in sorted(folder.iterdir()):
        wanted = any(fnmatch(path.name, pattern) for pattern in (*MODEL, *include))
        if wanted and path.is_file() and not any(fnmatch(path.name, pattern) for pattern in NEVER):
            found[path.name] = path
    return found


def secret_in(files: Mapping[str, Path]) -> str:
    """The name of the first file that seems to hold a secret, or an empty string.

    Text files are read in full; of weights only the head is read, which holds the metadata.
    """
    for name, path in files.items():
        with path.open("rb") as file:
            head = file.read(SCANNED_BYTES if name.endswith(".safetensors") else -1)
        text = head.decode("utf-8", errors="ignore")
        if redact_text(text) != text:
            return name
    return ""
