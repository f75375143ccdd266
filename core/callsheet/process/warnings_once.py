"""Prints each warning once: libraries reset Python's own record of shown warnings, so some would show at every step."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def warnings_once() -> Iterator[None]:
    """In the block, print each warning of the same text and line once; `catch_warnings(record=True)` records all."""
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

    # `catch_warnings` resets Python's record of shown warnings, but not the set that `show` keeps.
    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = before
