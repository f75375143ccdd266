"""Standard streams that end nothing: what cannot be written to them is dropped, and the work goes on."""

from __future__ import annotations

import errno
import io
import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

READER_SECONDS = 5.0  # that training waits for a reader which reads nothing
AT_ONCE = select.PIPE_BUF if hasattr(select, "PIPE_BUF") else 512  # bytes that a pipe with room takes without a wait
ERASE_BELOW = "\x1b[J"
GONE = (errno.EPIPE, errno.EIO, errno.EBADF, errno.ECONNRESET)  # nobody is left to read it, and nobody misses it
_written: dict[str, _Raw] = {}


def steady_streams() -> None:
    """Let no closed, full or stalled standard stream end this process, from now on and for all that writes to them.

    Descriptors that are closed are opened on /dev/null: a file that was opened later would get their numbers, and
    whatever a library prints. A character that the encoding lacks is written as its escape.
    """
    _open_closed()
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        _written[name] = raw = _Raw(descriptor, f"<{name}>")
        setattr(sys, name, made := _text(raw, getattr(sys, name)))
        setattr(sys, f"__{name}__", made)
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    if os.environ.get("COLUMNS", "1").strip("0") == "":
        del os.environ["COLUMNS"]  # no terminal is so wide, and rich would print nothing


def work_comes_first() -> None:
    """Wait for no reader longer than `READER_SECONDS` from now on: what is done matters more than what is said."""
    for raw in _written.values():
        raw.patience = READER_SECONDS


def outlive_the_terminal() -> None:
    """Go on when the terminal is closed, or the connection to it breaks; so do processes that this one starts."""
    with suppress(ValueError):  # only the main thread may set handlers
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


def unwritten() -> OSError | None:
    """Why output was lost that somebody may miss, as on a full disk, where showing it was all the work there was."""
    with suppress(Exception):
        sys.stdout.flush()
    raw = _written.get("stdout")
    return raw.lost if raw and raw.patience is None else None


def say_at_once(text: str) -> None:
    """Write to stderr if it takes it without a wait; for signal handlers, which may have interrupted another write.

    On a terminal, what stands below the cursor is erased: a display may be there, which is drawn again.
    """
    with suppress(OSError, ValueError):
        if select.select([], [2], [], 0)[1]:
            os.write(2, f"{ERASE_BELOW if _moves_its_cursor(2) else ''}{text}".encode())


def _moves_its_cursor(descriptor: int) -> bool:
    return os.isatty(descriptor) and os.environ.get("TERM", "dumb") != "dumb"


@contextmanager
def stderr_dropped() -> Iterator[None]:
    """Drop what is written to stderr, also by C code and child processes, where a shell is in the middle of a line."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


class _Raw(io.FileIO):
    """The descriptor below a stream. It takes everything, and loses what nobody reads or no disk holds."""

    def __init__(self, descriptor: int, name: str) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.name = name
        self.patience: float | None = None  # seconds; None waits for as long as the reader does, as `less` may
        self.lost: OSError | None = None
        self._skipped = 0  # bytes, since the reader stopped

    def write(self, data: Any) -> int:
        rest = memoryview(data).cast("B")
        whole = len(rest)
        try:
            while rest and self._takes():
                taken = super().write(rest if self.patience is None else rest[:AT_ONCE])
                if taken is None:  # it takes nothing now, and does not block
                    select.select([], [self], [], self.patience)
                rest = rest[taken or 0 :]
        except (OSError, ValueError) as error:  # ValueError: its number is beyond what `select` can look at
            self._lose(error)
            return whole
        self._skipped += len(rest)
        return whole

    def close(self) -> None:
        """Nothing: the descriptor is the process's."""

    def _takes(self) -> bool:
        """Wait until it takes something. Once it has not in time, nothing waits before it does again."""
        if self.patience is None:
            return True  # the write itself waits
        ready = bool(select.select([], [self], [], 0 if self._skipped else self.patience)[1])
        if ready and self._skipped:
            said, self._skipped = f"\n[{self._skipped} bytes are missing here: nobody read them]\n", 0
            super().write(said.encode())
        return ready

    def _lose(self, error: OSError | ValueError) -> None:
        if isinstance(error, OSError) and error.errno not in GONE:
            self.lost = self.lost or error
        if isinstance(error, OSError) and error.errno == errno.EBADF:  # somebody closed it
            _open_closed()


class _Buffer(io.BufferedWriter):
    """Cannot be closed, and neither can the text above it, since others write to it, too."""

    def close(self) -> None:
        self.flush()


def _text(raw: _Raw, before: Any) -> io.TextIOWrapper:
    """A stream that buffers as Python chose to, over `raw`."""
    unbuffered = isinstance(getattr(before, "buffer", None), io.RawIOBase)
    return io.TextIOWrapper(
        raw if unbuffered else _Buffer(raw),  # type: ignore[arg-type]  # as Python does for -u
        encoding=getattr(before, "encoding", None) or "utf-8",
        errors="backslashreplace",
        line_buffering=getattr(before, "line_buffering", True),
        write_through=unbuffered,
    )


def _open_closed() -> None:
    """Open /dev/null for each of 0, 1 and 2 that is closed: the system gives the lowest number that is free."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
