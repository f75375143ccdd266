"""Optuna's lock of a journal, which also takes away what a full disk, or a kill, left of a line."""

from __future__ import annotations

import os

from optuna.storages.journal import JournalFileOpenLock

STEP = 1 << 16


class MendingLock(JournalFileOpenLock):
    """A file that is made with O_EXCL, which NFS knows since version 3.

    Optuna's other lock is a symbolic link: some file systems have none, and with a relative path it is never broken
    (Optuna 5.0, storages/journal/_file.py: its age is asked of the file that it names). A process that is killed leaves
    either behind; after 30 seconds another one breaks it.

    Whoever holds it is the only one to write, so that a last line without its end is nobody's. The next line would be
    written behind it, and Optuna could read neither, nor anything that follows.
    """

    def __init__(self, filepath: str) -> None:
        super().__init__(filepath)
        self._journal = filepath

    def acquire(self) -> bool:
        acquired = super().acquire()
        try:
            _mend(self._journal)
        except BaseException:
            self.release()
            raise
        return acquired


def _mend(path: str) -> None:
    """Cut the file off behind its last whole line."""
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            os.ftruncate(descriptor, _whole(descriptor, size))
    finally:
        os.close(descriptor)


def _whole(descriptor: int, size: int) -> int:
    """How many bytes there are up to the last line that has its end."""
    while size:
        start = max(0, size - STEP)
        found = os.pread(descriptor, size - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        size = start
    return 0
