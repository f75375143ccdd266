"""What code prints while it is imported goes to stderr: stdout is for what a command was asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_owned = False


def own_the_streams() -> None:
    """Say that this process is Callsheet's own, so that descriptors may be moved, which all its threads feel."""
    global _owned
    _owned = True


@contextmanager
def aside() -> Iterator[None]:
    before, errors = sys.stdout, sys.stderr
    sys.stdout = errors
    try:
        if _owned:
            with _descriptor_aside(before):
                yield
        else:
            yield
    finally:
        with suppress(Exception):
            errors.flush()
        sys.stdout, sys.stderr = before, errors


@contextmanager
def _descriptor_aside(stream: object) -> Iterator[None]:
    """The same for what C code and child processes print."""
    with suppress(Exception):
        stream.flush()  # type: ignore[attr-defined]
    kept = [(os.dup(number), number) for number in (0, 1, 2)]
    os.dup2(2, 1)
    try:
        yield
    finally:
        for copy, number in kept:  # all of them: it may have closed them
            os.dup2(copy, number)
            os.close(copy)
