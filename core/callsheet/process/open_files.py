"""Flushes files that nobody closed, which Python does when it destroys them at its end."""

from __future__ import annotations

import gc
import io
import os
import stat
import sys
from contextlib import suppress
from typing import Any

BUFFERS = (io.BufferedWriter, io.BufferedRandom)
STANDARD = 3  # the streams that every process has
DESCRIPTORS = "/proc/self/fd"


def flush_open_files() -> None:
    """Write what the buffers of Python's files hold. Compressed files are closed, because their end is part of them."""
    files = _open_files() if _may_have_open_files() else []
    with suppress(Exception):  # a full disk, or a reader that has gone: nobody is left to be told
        sys.stdout.flush()
    with suppress(Exception):
        sys.stderr.flush()
    for file in sorted(files, key=_turn):
        with suppress(Exception):
            _finish(file)


def _may_have_open_files() -> bool:
    """Whether a descriptor is open that a file may write to. Going through all objects takes half a second with torch.

    That is a file on disk, a terminal, or the end of a pipe to another process. Not so the pipes, sockets and events
    by which libraries wake their own threads, and which are open at the end of each rank.
    """
    try:
        numbers = [number for number in map(int, os.listdir(DESCRIPTORS)) if number >= STANDARD]
    except OSError:  # not on Linux
        return True
    opened = [found for found in map(_opened, numbers) if found]
    read_here = {node for mode, node, writes in opened if stat.S_ISFIFO(mode) and not writes}
    return any(_takes_files(mode) and node not in read_here for mode, node, writes in opened if writes)


def _opened(descriptor: int) -> tuple[int, int, bool] | None:
    """The mode and the number of what is open, and whether it may be written to."""
    import fcntl  # which a command with nothing open does without

    try:
        found, flags = os.fstat(descriptor), fcntl.fcntl(descriptor, fcntl.F_GETFL)
    except OSError:  # that of the listing itself, which is closed by now
        return None
    return found.st_mode, found.st_ino, flags & os.O_ACCMODE != os.O_RDONLY


def _takes_files(mode: int) -> bool:
    return stat.S_ISREG(mode) or stat.S_ISCHR(mode) or stat.S_ISFIFO(mode)


def _open_files() -> list[io.IOBase]:
    gc.unfreeze()  # the collector lists nothing that is frozen
    objects = gc.get_objects()
    kinds = {id(kind := type(found)): kind for found in objects}  # by their ids: asking each object takes a second
    of_files = {number for number, kind in kinds.items() if issubclass(kind, io.IOBase)}
    return [found for found in objects if id(type(found)) in of_files]


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
