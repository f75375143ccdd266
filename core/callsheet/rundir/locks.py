"""Locks that the system releases when a process dies, however it dies.

The package filelock would not do, as of 4.2.11. On a file system without flock it either raises or turns to a lock file
that a killed process leaves behind, and the courier has to know which of the two it is. It locks a file of its own, so
it cannot lock the very file that is being hashed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import IO, Any

from callsheet.disk.regular import open_regular

PATIENCE_SECONDS = 900.0
LOOK_SECONDS = 0.05
GLANCES = 10  # how often a lock is asked for before it counts as held: a reader has it for a moment, see `is_held`
# How file systems without locks answer: NFS without a lock daemon with ENOLCK, Lustre without -o flock with ENOSYS.
NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)


class Flock(Enum):
    """What came of asking for a lock."""

    OURS = "ours"  # until the file is closed, or this process ends
    HELD = "held"  # by another process, or by another open file of this one
    UNKNOWN = "unknown"  # the file system has no locks: nobody can tell whether another process works here


def flock(file: int | IO[Any]) -> Flock:
    """Ask for the exclusive lock of an open file, without waiting; raises OSError when that cannot be asked.

    flock(2) and not fcntl(2): a lock of the latter kind is lost as soon as any part of this process closes the file.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return Flock.HELD
    except OSError as error:
        if error.errno in NO_LOCKS:
            return Flock.UNKNOWN
        raise
    return Flock.OURS


def flock_past_readers(file: int | IO[Any]) -> Flock:
    """Ask for the lock as `flock` does; a reader that glances at it with `is_held` does not count as its holder."""
    for _ in range(GLANCES):
        if (found := flock(file)) is not Flock.HELD:
            return found
        time.sleep(LOOK_SECONDS)
    return Flock.HELD


def is_held(path: Path) -> bool | None:
    """Whether a process holds the lock of the file `path`; None if nobody can tell. Changes nothing, needs no right to
    write, and asks for a shared lock, so that readers do not take each other for the holder.
    """
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    except OSError:  # no locks here, no file that may be read, or none that is a lock
        return None
    return False


@contextmanager
def alone_with(path: Path) -> Iterator[None]:
    """Hold the lock of a file that is only read; without one where there are none.

    Two processes that work side by side in the end do the same work twice, which is no harm: so nothing fails here.
    """
    descriptor, end = os.open(path, os.O_RDONLY | os.O_NONBLOCK), time.monotonic() + PATIENCE_SECONDS
    try:
        while _another_has(descriptor) and time.monotonic() < end:
            time.sleep(LOOK_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _another_has(descriptor: int) -> bool:
    try:
        return flock(descriptor) is Flock.HELD
    except OSError:
        # Linux's NFS gives exclusive locks to files that are open for writing only (flock(2), "NFS details"): EBADF.
        return False
