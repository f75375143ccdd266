"""Lists and dictionaries that are filled, and names that are imported, when somebody looks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
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


def names_of(package: str, modules: Mapping[str, Iterable[str]]) -> Callable[[str], Any]:
    """The `__getattr__` of `package`: imports a name, from the module that lists it, when it is first asked for."""
    homes = {name: module for module, names in modules.items() for name in names}

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(homes[name]), name)

    return find
