"""The random numbers of Python, NumPy and torch's CPU, as tensors and plain values."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch


@dataclass(frozen=True)
class Drawn:
    """The three states as their libraries give them: copies, taken at little cost."""

    python: tuple[Any, ...]
    numpy: Any
    torch: torch.Tensor

    @staticmethod
    def now() -> Drawn:
        return Drawn(random.getstate(), np.random.get_state(legacy=True), torch.get_rng_state())

    def equals(self, other: Drawn) -> bool:
        kind, keys, *rest = self.numpy
        other_kind, other_keys, *other_rest = other.numpy
        is_numpy = kind == other_kind and rest == other_rest and np.array_equal(keys, other_keys)
        return is_numpy and self.python == other.python and torch.equal(self.torch, other.torch)


def random_state(drawn: Drawn | None = None) -> dict[str, Any]:
    """The states of now, or those of `drawn`, as a checkpoint holds them."""
    drawn = drawn or Drawn.now()
    kind, keys, position, has_gauss, cached = drawn.numpy
    numpy = [
        str(kind),
        torch.from_numpy(np.asarray(keys).astype("int64")),
        int(position),
        int(has_gauss),
        float(cached),
    ]
    version, numbers, gauss = drawn.python
    return {"python": [version, torch.tensor(numbers), gauss], "numpy": numpy, "torch": drawn.torch}


def set_random_state(state: dict[str, Any]) -> None:
    """Set what `random_state` has returned, or what was saved of it."""
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers.tolist()), gauss))
    kind, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((kind, keys.cpu().numpy().astype("uint32"), position, has_gauss, cached))
    torch.set_rng_state(state["torch"].cpu())
