"""How many tokens a model has weights for: the rows of its embedding, by its configuration and its weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from callsheet.model_files.safetensors import Shapes

SIZE = "vocab_size"
# What the models of transformers call the embedding of their tokens.
EMBEDDINGS = ("embed_tokens.weight", "wte.weight", "word_embeddings.weight", "embed_in.weight", "tok_embeddings.weight")


def rows_of(config: Mapping[str, Any]) -> int | None:
    """The rows that the embedding of a model with this `config.json` has, or None where that does not tell.

    A model of several parts, such as one for images and text, has the number in one of them.
    """
    if isinstance(config.get(SIZE), int):
        return int(config[SIZE])
    parts = {part[SIZE] for part in config.values() if isinstance(part, dict) and isinstance(part.get(SIZE), int)}
    return parts.pop() if len(parts) == 1 else None


def rows_in(shapes: Shapes) -> set[int]:
    """The rows of whatever in the weights looks like an embedding of tokens."""
    return {shape[0] for name, shape in shapes.items() if name.endswith(EMBEDDINGS) and len(shape) == 2}
