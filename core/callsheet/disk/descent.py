"""From a root down to a folder, one descriptor after the other, and the sentence for a link that stands in the way."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePath

from callsheet.disk.regular import Outside as Outside
from callsheet.disk.regular import shown

# O_PATH asks for no right to read a folder, only for the right to go through it.
FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | getattr(os, "O_PATH", os.O_RDONLY)
LISTED = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def descend(root: Path, parts: Sequence[str], called: str, *, make: bool = False) -> int:
    """A descriptor of the folder `parts` below `root`, for `dir_fd`; with `make`, what is missing is made."""
    descriptor = os.open(root, FOLDER & ~os.O_NOFOLLOW)
    for depth, part in enumerate(parts):
        try:
            below = _step(descriptor, part, make=make)
        except OSError as error:
            explain(error, root, parts[: depth + 1], called)
            raise
        finally:
            os.close(descriptor)
        descriptor = below
    return descriptor


def explain(error: OSError, root: Path, parts: Sequence[str], called: str) -> None:
    """Give `error` the whole path; raise `Outside` instead where a link has caused it."""
    error.filename = str(root.joinpath(*parts))
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        refuse_link(root, parts, called)


def refuse_link(root: Path, parts: Sequence[str], called: str) -> None:
    """Raise `Outside` where one of `parts` is a symbolic link."""
    for depth in range(len(parts)):
        path = root.joinpath(*parts[: depth + 1])
        if (target := link_at(path)) is not None:
            raise Outside(said_of(path, target, root, called))


def link_at(path: Path) -> str | None:
    """What the symbolic link `path` says; None where it is none."""
    with suppress(OSError):
        return os.readlink(path)
    return None


def said_of(path: Path, target: str, root: Path, called: str) -> str:
    """What is wrong with a link below `root`, and the remedy."""
    wrong = f"which leaves {called}" if leaves(path, root) else f"and {called} may hold no link at this place"
    return f"{shown(path)} is a symbolic link to {shown(Path(target))}, {wrong}; remove it."


def leaves(link: Path, root: Path) -> bool:
    """Whether a link names something that does not lie below `root`."""
    return not PurePath(os.path.realpath(link)).is_relative_to(os.path.realpath(root))


def _step(at: int, part: str, *, make: bool) -> int:
    try:
        return os.open(part, FOLDER, dir_fd=at)
    except FileNotFoundError:
        if not make:
            raise
    with suppress(FileExistsError):
        os.mkdir(part, dir_fd=at)
    return os.open(part, FOLDER, dir_fd=at)


def sync(at: int) -> None:
    """Put the names in a folder on the disk, where the file system lets one ask for that."""
    with suppress(OSError):  # some network file systems refuse to sync a folder
        descriptor = os.open(".", LISTED, dir_fd=at)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
