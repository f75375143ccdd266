"""Lists and dictionaries that are filled when somebody looks into them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Lazy(Protocol):
    """`read` fills it; it may be called again."""

    def read(self) -> None: ...


def read_before(kind: type[Lazy], *methods: str) -> None:
    """Have these `methods`, which `kind` has from list or dict, call `read` first."""
    for name in methods:
        setattr(kind, name, _reading(name, getattr(kind, name)))


def _reading(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Lazy, *args: Any, **kwargs: Any) -> Any:
        self.read()
        return method(self, *args, **kwargs)

    call.__name__ = name
    return call
