"""Batches that are made with random numbers, such as those with masked tokens.

A loader of accelerate makes each batch one ahead of the step that trains on it. Trainer restores the random numbers of
a checkpoint once the first batch of a resumed run is made: that one, and the next, would be made with others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from callsheet.loop.resuming.randomness import Drawn, random_state, set_random_state


class Watched:
    """A collator that also knows with which random numbers the last batch was made."""

    def __init__(self, collate: Callable[[Any], Any]) -> None:
        self.collate = collate
        self.is_random = False
        self.before: Drawn | None = None
        self.again: tuple[dict[str, Any], Callable[[], None]] | None = None

    def __call__(self, rows: Any) -> Any:
        again, self.again = self.again, None
        if again:
            set_random_state(again[0])
        self.before = Drawn.now()
        batch = self.collate(rows)
        self.is_random = self.is_random or not self.before.equals(Drawn.now())
        if again:
            again[1]()
        return batch


class Batches:
    """The training batches of a run."""

    def __init__(self) -> None:
        self.are_restored = False
        self._watched: Watched | None = None
        self._saved: dict[str, Any] | None = None

    def content(self) -> dict[str, Any] | None:
        """The random numbers with which the next batch was made; None if batches need none."""
        watched = self._watched
        return random_state(watched.before) if watched and watched.is_random and watched.before else None

    def restore_later(self, content: dict[str, Any] | None) -> None:
        self._saved = content

    def begin(self, loader: Any, restore_numbers: Callable[[], None], *, is_inside: bool) -> None:
        """An epoch begins. Inside one, the first batch was made before the checkpoint, and the next ones after it."""
        saved, self._saved = self._saved, None
        base = getattr(loader, "base_dataloader", loader)
        if getattr(base, "num_workers", 0) or not hasattr(base, "collate_fn"):
            return  # a worker has its own random numbers
        if not isinstance(base.collate_fn, Watched):
            base.collate_fn = Watched(base.collate_fn)
        self._watched = base.collate_fn
        if saved and is_inside:

            def restored() -> None:
                restore_numbers()
                self.are_restored = True

            self._watched.is_random = True
            self._watched.again = saved, restored
