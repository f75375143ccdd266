"""Modules of Callsheet that the server has imported before: a process that imports one gets it, and runs nothing.

Until then it is not in `sys.modules`, so that tests see what a command imports.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

PACKAGES = ("callsheet", "callsheet_plugins")
APART = ("__main__", "testing", "trackers")  # a program, what imports pytest, and what imports a tracker
KEPT: dict[str, ModuleType] = {}
IMPORTS: dict[str, set[str]] = {}  # what of Callsheet a module imports


def keep() -> None:
    """Import them now, and take them out of `sys.modules` again."""
    with _seeing_imports():
        for package in PACKAGES:
            for name in _names(package):
                with suppress(ImportError):  # an extra that is not installed
                    importlib.import_module(name)
    for name in [name for name in sys.modules if _is_ours(name)]:
        KEPT[name] = sys.modules.pop(name)
    for name, module in KEPT.items():
        _take_from_parent(name, module)
    sys.meta_path.insert(0, Finder())  # type: ignore[arg-type]


def _take_from_parent(name: str, module: ModuleType) -> None:
    """Import sets it again; where it is there, `from parent import child` imports nothing."""
    parent, _, child = name.rpartition(".")
    if parent and vars(KEPT[parent]).get(child) is module:
        delattr(KEPT[parent], child)


def _names(package: str) -> Iterator[str]:
    yield package
    for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        if not {*APART}.intersection(found.name.split(".")):
            yield found.name


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] in PACKAGES


@contextmanager
def _seeing_imports() -> Iterator[None]:
    plain = builtins.__import__

    def seeing(
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Any = None,
        names: Sequence[str] = (),
        level: int = 0,
    ) -> ModuleType:
        module = plain(name, globals, locals, names, level)
        importer = globals or {}
        if _is_ours(str(importer.get("__name__"))):
            whole = importlib.util.resolve_name("." * level + name, str(importer["__package__"]))
            found = {whole, *(f"{whole}.{each}" for each in names or ())} & sys.modules.keys()
            IMPORTS.setdefault(importer["__name__"], set()).update(filter(_is_ours, found))
        return module

    builtins.__import__ = seeing
    try:
        yield
    finally:
        builtins.__import__ = plain


class Finder:
    """Finds them where Python would find the files that they were made from."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        module = KEPT.get(name)
        if module is None or not _is_the_one(name, module):
            return None
        assert module.__spec__
        spec = ModuleSpec(name, Loader(module), origin=module.__spec__.origin)  # type: ignore[arg-type]
        spec.submodule_search_locations = module.__spec__.submodule_search_locations
        spec.has_location = module.__spec__.has_location
        return spec


def _is_the_one(name: str, module: ModuleType) -> bool:
    parent = name.rpartition(".")[0]
    if parent:
        return sys.modules.get(parent) is KEPT[parent]
    found = PathFinder.find_spec(name)  # another of this name may lie before it in `sys.path`
    return found is None or found.origin == getattr(module.__spec__, "origin", None)


class Loader:
    """Of a module that there is."""

    def __init__(self, module: ModuleType) -> None:
        self._module, self._spec = module, module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec
        for name in sorted(IMPORTS.get(module.__name__, ())):
            if name not in sys.modules:
                importlib.import_module(name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._spec.loader, name)  # type: ignore[union-attr]
