"""The random numbers of a process, which go on as if an import had drawn none."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable


def kept() -> Callable[[], None]:
    """Remember every generator, and return what puts them back; libraries that came meanwhile begin as they do."""
    mine = random.getstate()
    numpy = _numpy()
    torch = _torch()

    def put_back() -> None:
        random.setstate(mine)
        if found := _loaded("numpy", "random"):
            found.random.set_state(numpy) if numpy else found.random.seed()
        if found := _loaded("torch", "default_generator"):
            found.set_rng_state(found.Generator().get_state() if torch is None else torch)

    return put_back


def _numpy() -> object:
    found = _loaded("numpy", "random")
    return found and found.random.get_state()


def _torch() -> object:
    found = _loaded("torch", "default_generator")
    return None if found is None else found.get_rng_state()


def _loaded(name: str, attribute: str):  # type: ignore[no-untyped-def]  # a module, whose types need no import
    module = sys.modules.get(name)
    return module if hasattr(module, attribute) else None
