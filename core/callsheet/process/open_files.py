"""Flushes files that nobody closed, which Python does when it destroys them at its end."""

from __future__ import annotations

import gc
import io
import sys
from contextlib import suppress
from typing import Any

BUFFERS = (io.BufferedWriter, io.BufferedRandom)


def flush_open_files() -> None:
    """Write what the buffers of Python's files hold. Compressed files are closed, because their end is part of them."""
    gc.unfreeze()  # the collector lists nothing that is frozen
    objects = gc.get_objects()
    kinds = {id(kind := type(found)): kind for found in objects}  # by their ids: asking each object takes a second
    of_files = {number for number, kind in kinds.items() if issubclass(kind, io.IOBase)}
    files = [found for found in objects if id(type(found)) in of_files]
    for file in (sys.stdout, sys.stderr, *sorted(files, key=_turn)):
        with suppress(Exception):  # a full disk, or a reader that has gone: nobody is left to be told
            _finish(file)


def _turn(file: io.IOBase) -> int:
    """Text goes through compression, and what is compressed through a buffer."""
    return 0 if isinstance(file, io.TextIOWrapper) else 2 if isinstance(file, BUFFERS) else 1


def _finish(file: Any) -> None:
    if file.closed or not file.writable():
        return
    if isinstance(file, (io.TextIOWrapper, *BUFFERS)):
        file.flush()
    elif isinstance(file, io.BufferedIOBase):
        file.close()
