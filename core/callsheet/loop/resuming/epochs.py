"""The order of rows in an epoch: it is drawn when the epoch begins, so a run that resumes inside has to draw it again.

Trainer restores the random numbers of the checkpoint after it has drawn the order, and no state of samplers at all.
`group_by_length` draws from torch's numbers, and TRL's RepeatSampler from a generator that goes on from epoch to epoch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import Sampler

from callsheet.loop.resuming.randomness import random_state, set_random_state
from callsheet.privates.torch import start_persistent_workers

PARTS = ("base_dataloader", "batch_sampler", "sampler", "generator", "synchronized_generator")


class EpochStart:
    """Remembers the random numbers at the beginning of an epoch, and restores them in a resumed run."""

    def __init__(self) -> None:
        self._began: dict[str, Any] | None = None
        self._saved: dict[str, Any] | None = None
        self._loader: Any = None

    def begin(self, loader: Any, epoch: int) -> None:
        """An epoch begins: `loader` will draw its order next."""
        self._restore(loader, epoch)
        self._loader = loader
        self._began = {"epoch": epoch, "random": random_state(), "generators": states(loader)}

    def content(self) -> dict[str, Any] | None:
        """What a checkpoint needs: how the epoch began, and where the generators of samplers are now."""
        return {**self._began, "now": states(self._loader)} if self._began else None

    def restore_later(self, content: dict[str, Any] | None) -> None:
        """`content` of a checkpoint is for the first epoch that begins."""
        self._saved = content

    def _restore(self, loader: Any, epoch: int) -> None:
        saved, self._saved = self._saved, None
        if saved is None:
            return
        if saved["epoch"] == epoch:
            set_random_state(saved["random"])
            set_states(loader, saved["generators"])
        elif saved["epoch"] == epoch - 1:  # the checkpoint was saved after the last step of an epoch
            set_states(loader, saved["now"])
        for _, part in _parts(loader):
            if isinstance(part, Sampler) and hasattr(part, "set_epoch"):
                part.set_epoch(epoch)  # accelerate does not reach it below the sampler that skips rows


def start_workers(loader: Any) -> None:
    """Start persistent workers that an uninterrupted run has started in an earlier epoch: they draw a seed."""
    base = getattr(loader, "base_dataloader", loader)
    if not getattr(base, "persistent_workers", False):
        return
    numbers, generators = random_state(), states(loader)
    start_persistent_workers(base)
    set_random_state(numbers)
    set_states(loader, generators)


def states(loader: Any) -> dict[str, torch.Tensor]:
    return {path: part.get_state() for path, part in _parts(loader) if isinstance(part, torch.Generator)}


def set_states(loader: Any, saved: dict[str, torch.Tensor]) -> None:
    for path, part in _parts(loader):
        if isinstance(part, torch.Generator) and path in saved:
            part.set_state(saved[path])


def _parts(loader: Any) -> Iterator[tuple[str, Any]]:
    """The samplers and generators of `loader`, each once, with the way to it."""
    seen: set[int] = set()
    waiting = [("", loader)]
    while waiting:
        path, part = waiting.pop(0)
        if part is None or id(part) in seen:
            continue
        seen.add(id(part))
        yield path, part
        waiting += [(f"{path}.{name}", getattr(part, name, None)) for name in PARTS]
