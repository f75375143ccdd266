"""Regular files alone, of a stated size at most: what a FIFO, a device or an endless file cannot hold up or fill."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from callsheet.errors import CallsheetError
from callsheet.screen import in_a_line

STEP = 1 << 20
KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFREG: "a regular file",
}


class Irregular(OSError):
    """It is a FIFO, a socket, a device or a folder, or it holds more than its reader takes. Says so in a sentence."""


class Outside(CallsheetError, OSError):
    """A name leads out of its root, by a symbolic link or by `..`. Says so in a sentence; nothing was touched."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.errno = errno.ELOOP


def read(path: Path, limit: int, *, follow: bool = False) -> bytes:
    """All bytes of the regular file `path`, which are `limit` at most.

    `follow` also reads the file that a symbolic link names. Raises `Irregular`, `Outside` for a link that it does not
    follow, and OSError as `open` does.
    """
    descriptor = open_regular(path, follow=follow)
    try:
        return _all(descriptor, path, limit)
    except Irregular:
        raise
    except OSError as error:  # of a read, which does not name the file
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        os.close(descriptor)


def open_regular(path: Path, *, follow: bool = False) -> int:
    """A descriptor to read the regular file `path` with; opening never waits, as it would for a FIFO without writer."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ENXIO:  # how opening a socket ends
            raise Irregular(f"{shown(path)} is a socket, no regular file") from error
        if error.errno == errno.ELOOP and not follow:
            raise Outside(_linked(path)) from error
        raise
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    raise Irregular(f"{shown(path)} is {kind(mode)}, no regular file")


def _linked(path: Path) -> str:
    target = os.readlink(path) if path.is_symlink() else "another file"
    said = f"{shown(path)} is a symbolic link to {shown(Path(target))}"
    return f"{said}, and symbolic links are not followed here; remove it."


def kind(mode: int) -> str:
    """What a file of this `st_mode` is, with its article."""
    return KINDS.get(stat.S_IFMT(mode), "a device")


def shown(path: Path) -> str:
    """`path` for a sentence: bytes of its name that are no UTF-8 are escaped, and so are signs that move the cursor."""
    return in_a_line(os.fsdecode(path))


def _all(descriptor: int, path: Path, limit: int) -> bytes:
    """Counts what it reads: a file may grow while it is read, and some systems give sizes that are not true."""
    pieces: list[bytes] = []
    held = 0
    if os.fstat(descriptor).st_size > limit:
        raise _too_large(path, limit)
    while piece := os.read(descriptor, min(STEP, limit + 1 - held)):
        pieces.append(piece)
        held += len(piece)
        if held > limit:
            raise _too_large(path, limit)
    return b"".join(pieces)


def _too_large(path: Path, limit: int) -> Irregular:
    return Irregular(f"{shown(path)} holds more than {limit:,} bytes")
