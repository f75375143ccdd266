"""Shows the Python lines, with the name of a plugin among them, where C code crashes during an import."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def shown() -> Iterator[None]:
    import faulthandler

    ours = not faulthandler.is_enabled()
    if ours:
        faulthandler.enable(2)
    try:
        yield
    finally:
        if ours:
            faulthandler.disable()
