"""The random numbers of Python, NumPy and torch's CPU, as tensors and plain values."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch


def random_state() -> dict[str, Any]:
    kind, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    numpy = [
        str(kind),
        torch.from_numpy(np.asarray(keys).astype("int64")),
        int(position),
        int(has_gauss),
        float(cached),
    ]
    version, numbers, gauss = random.getstate()
    return {"python": [version, torch.tensor(numbers), gauss], "numpy": numpy, "torch": torch.get_rng_state()}


def set_random_state(state: dict[str, Any]) -> None:
    """Set what `random_state` has returned, or what was saved of it."""
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers.tolist()), gauss))
    kind, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((kind, keys.cpu().numpy().astype("uint32"), position, has_gauss, cached))
    torch.set_rng_state(state["torch"].cpu())
