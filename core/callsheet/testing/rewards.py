"""A reward function for tests: short completions are better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def length(completions: Sequence[Any], **kwargs: Any) -> list[float]:
    """Minus the length of each completion."""
    return [-float(len(completion)) for completion in completions]
