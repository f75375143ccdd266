"""Values as torch saves and loads them without pickled code: tensors, numbers, text, and lists and dicts of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor


class CannotSave(Exception):
    """A value that is none of these, such as an image."""


def plain(value: Any) -> Any:
    """`value` with tensors on the CPU; raises `CannotSave` for what `torch.load(weights_only=True)` would refuse."""
    if isinstance(value, Tensor):
        return value.detach().cpu().clone()  # a slice would be saved with all of its storage
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, deque)):
        return [plain(item) for item in value]
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
        return value.item()
    raise CannotSave(type(value).__qualname__)


def mapped(value: Any, move: Callable[[Tensor], Tensor]) -> Any:
    """`value` with `move` applied to each tensor in it."""
    if isinstance(value, Tensor):
        return move(value)
    if isinstance(value, dict):
        return {key: mapped(item, move) for key, item in value.items()}
    return [mapped(item, move) for item in value] if isinstance(value, list) else value
