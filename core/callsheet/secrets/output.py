"""What a program prints, also past Python, moved into a file without its secrets while it prints it.

It writes into memory that has no name, and a thread of the process that started it moves that into the file. So it
never waits for the file, no SIGPIPE ends it, and what it printed last is still there when it is dead.
"""

from __future__ import annotations

import ctypes
import os
import tempfile
from contextlib import suppress
from threading import Event, Thread

from callsheet.secrets.streams import Redactor

LOOK = 0.25  # seconds between two looks at what was printed
PIECE = 1 << 20  # bytes that are read at once
MOST, KEPT = 256 << 20, 16 << 20  # bytes that may wait to be read, and how many are read where more wait
LEFT_OUT = "\ncallsheet: {:,} bytes were left out here: they came faster than secrets are taken out of them.\n"
PATIENCE = 60.0  # seconds that the rest of it may take
PUNCH_HOLE, KEEP_SIZE = 2, 1  # of fallocate(2): the memory of what was read is given back
LIBC = ctypes.CDLL(None)


class RedactedOutput:
    """Moves what is written to `descriptor` to the end of the open file `output`, from `begin` to `finish`."""

    def __init__(self, output: int) -> None:
        self.descriptor = _memory()
        self._output, self._read = output, 0
        self._redactor = Redactor()
        self._over = Event()
        self._thread = Thread(target=self._move, name="output", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def finish(self, patience: float = PATIENCE) -> None:
        """Move the rest; what takes longer than `patience` seconds, as on a disk that does not answer, is left."""
        self._over.set()
        self._thread.join(patience)

    def close(self) -> None:
        for descriptor in (self.descriptor, self._output):
            os.close(descriptor)

    def _move(self) -> None:
        try:
            while not self._over.wait(LOOK):
                self._write(self._redactor.lines())  # of what was there a look ago
                self._take()
            self._take()
            self._write(self._redactor.end())
        finally:
            self.close()

    def _take(self) -> None:
        end = self._size()
        while self._read < end:
            if end - self._read > MOST:
                self._leave_out(end - KEPT)
            piece = os.pread(self.descriptor, min(PIECE, end - self._read), self._read)
            self._have_read(self._read + len(piece))
            self._write(self._redactor.feed(piece.decode("latin-1")))
            end = max(end, self._size()) if not self._over.is_set() else end

    def _size(self) -> int:
        size = os.fstat(self.descriptor).st_size
        if size < self._read:  # a program has emptied its /dev/stdout, and began anew
            self._read = 0
        return size

    def _leave_out(self, until: int) -> None:
        """Go on at the first line after `until`, with a word about what is missing."""
        piece = os.pread(self.descriptor, PIECE, until)
        until += piece.find(b"\n") + 1 or len(piece)
        self._write(self._redactor.lines() + LEFT_OUT.format(until - self._read))
        self._redactor = Redactor()
        self._have_read(until)

    def _have_read(self, until: int) -> None:
        self._read = until
        if hasattr(LIBC, "fallocate"):
            LIBC.fallocate(self.descriptor, PUNCH_HOLE | KEEP_SIZE, ctypes.c_long(0), ctypes.c_long(until))

    def _write(self, text: str) -> None:
        rest = text.encode("latin-1")
        with suppress(OSError):  # a full disk costs lines of the log
            while rest:
                rest = rest[os.write(self._output, rest) :]


def _memory() -> int:
    """A file without a name, in memory where the system has such, to whose end everybody writes."""
    import fcntl

    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("output")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    fcntl.fcntl(descriptor, fcntl.F_SETFL, os.O_APPEND)
    return descriptor
