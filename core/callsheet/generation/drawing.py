"""Random numbers of its own for each row that is sampled: the same on any number of ranks, and none of the training's.

A token is drawn by one number between 0 and 1 of the row's own generator: it says how far to go in the sum of the
probabilities. So neither the other rows of a batch, nor the device, nor the seed of a run count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from callsheet.randomness import random_states_kept

CHUNK = 64  # numbers that a row draws at a time


def seed_of(*about: object) -> int:
    """A seed for whatever is told, such as the seed of a run, a step and a row.

    >>> seed_of(0, 100, "eval", 3) == seed_of(0, 100, "eval", 3) != seed_of(0, 100, "eval", 4)
    True
    """
    told = "/".join(map(str, about)).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(told).digest()[:7], "big")


@contextmanager
def undisturbed(seed: int = 0) -> Iterator[None]:
    """Give Python, numpy and torch `seed`; after the block all go on as if nobody had drawn a number."""
    import random

    import numpy
    import torch

    with random_states_kept():
        random.seed(seed)
        numpy.random.seed(seed % (1 << 32))
        torch.manual_seed(seed)
        yield


@contextmanager
def drawn_by_row(rows: Sequence[Mapping[str, Any]]) -> Iterator[None]:
    """Inside, `torch.multinomial` draws for each row of a batch by the `seed` that the row holds.

    What is drawn otherwise, as by beams, goes by all of these seeds together.
    """
    import torch
    from torch.overrides import TorchFunctionMode

    class Drawing(TorchFunctionMode):
        def __torch_function__(
            self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
        ) -> Any:
            given = {**(kwargs or {})}
            if func is torch.multinomial and (chosen := numbers.chosen(*args, **given)) is not None:
                return chosen
            return func(*args, **given)

    numbers = _Numbers([int(row["seed"]) for row in rows])
    torch.manual_seed(seed_of(*(row["seed"] for row in rows)))
    with Drawing():
        yield


class _Numbers:
    """The numbers of each row, drawn in main memory, whatever the device."""

    def __init__(self, seeds: Sequence[int]) -> None:
        import torch

        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._left: list[Any] = []

    def chosen(self, input: Any, num_samples: int = 1, *args: Any, **kwargs: Any) -> Any:
        """A token for each row; None where the call is for something else."""
        if num_samples != 1 or input.dim() != 2 or len(input) != len(self._generators):
            return None
        reached = input.double().cumsum(-1)
        wanted = self._next(input.device) * reached[:, -1:]  # above 0, so that no token without a share is chosen
        return (reached < wanted).sum(-1, keepdim=True).clamp_(max=input.shape[-1] - 1)

    def _next(self, device: Any) -> Any:
        import torch

        if not self._left:
            drawn = [1 - torch.rand(CHUNK, generator=each, dtype=torch.double) for each in self._generators]
            self._left = [*torch.stack(drawn, dim=1).unsqueeze(-1).to(device)]
        return self._left.pop(0)
