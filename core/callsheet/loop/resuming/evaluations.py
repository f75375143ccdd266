"""Loaders of evaluation data that keep their workers: only the first evaluation draws a seed for them."""

from __future__ import annotations

from typing import Any

from callsheet.loop.resuming.epochs import set_states, start_workers, states


class Evaluations:
    """Has the first evaluation of a resumed run draw what that of an uninterrupted run draws."""

    def __init__(self) -> None:
        self._loaders: dict[str, Any] = {}
        self._saved: dict[str, Any] = {}

    def content(self) -> dict[str, Any]:
        return {**self._saved, **{name: states(loader) for name, loader in self._loaders.items()}}

    def restore_later(self, content: dict[str, Any]) -> None:
        self._saved = content

    def begin(self, loader: Any, name: str) -> None:
        """An evaluation of the data set `name` begins, with a `loader` that may have served before."""
        if not getattr(loader, "persistent_workers", False):
            return
        self._loaders[name] = loader
        if (generators := self._saved.pop(name, None)) is not None:
            start_workers(loader)
            set_states(loader, generators)
