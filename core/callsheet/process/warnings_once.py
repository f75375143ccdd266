"""Each warning once: libraries reset Python's own memory of them, and would say the same at every step."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def warnings_once() -> Iterator[None]:
    """Print no warning of the same text and line twice while the block runs; what records warnings gets them all."""
    before, said = warnings.showwarning, set()

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if (key := (str(message), category, filename, lineno)) not in said:
            said.add(key)
            before(message, category, filename, lineno, file, line)

    # `catch_warnings`, which forgets what was said, leaves this in place.
    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = before
