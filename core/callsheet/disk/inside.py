"""Files below a root, reached by descriptors: no symbolic link below the root is ever followed, whoever planted it."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import IO

from callsheet.disk.descent import LISTED, Outside, descend, explain, refuse_link, sync
from callsheet.disk.regular import Irregular, kind
from callsheet.screen import in_a_line

FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # opening a FIFO must not wait


@dataclass(frozen=True)
class Inside:
    """The files below `root`, which may itself be a link, as in `outputs -> /scratch/outputs`.

    Every name is a path below `root`, with `root` or without. A link on the way raises `Outside`, which names it.
    Each method walks down from `root` by descriptors, so that nobody can put a link into its way in between.
    """

    root: Path
    called: str = "the run directory"

    @contextmanager
    def folder(self, name: str | PurePath = ".", *, make: bool = False) -> Iterator[int]:
        """A descriptor of the folder `name`, for `dir_fd`; with `make`, folders that are missing are made."""
        descriptor = descend(self.root, self.parts(name), self.called, make=make)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def open(self, name: str | PurePath, flags: int = os.O_RDONLY, mode: int = 0o666) -> int:
        """A descriptor of the regular file `name`, opened with `flags`; never waits.

        Raises `Irregular` for a FIFO or a device, and OSError as `os.open` does.
        """
        with self.at(name) as (at, last):
            try:
                descriptor = os.open(last, flags | FILE, mode, dir_fd=at)
            except OSError as error:
                if error.errno == errno.ENXIO:
                    raise Irregular(f"{self.root / name} is {kind(_mode(last, at))}, no regular file") from error
                raise
        found = os.fstat(descriptor).st_mode
        if stat.S_ISREG(found):
            return descriptor
        os.close(descriptor)
        if stat.S_ISDIR(found):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(self.root / name))
        raise Irregular(f"{self.root / name} is {kind(found)}, no regular file")

    def append(self, name: str | PurePath, text: str, *, durable: bool = False) -> None:
        """Add `text` to the end of a file, which is made where it is missing; `durable` waits for the disk."""
        descriptor = self.open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        with _named(self.root / name), os.fdopen(descriptor, "a", encoding="utf-8", newline="") as file:
            file.write(text)
            if durable:
                file.flush()
                os.fsync(file.fileno())

    def write(
        self, name: str | PurePath, content: str | bytes | IO[bytes], *, durable: bool = True, mode: int = 0o666
    ) -> None:
        """Put `content`, or what is left of a stream, at `name` in one step.

        A link of that name gives way, and what it names stays as it is.
        """
        with self.replacing(name) as (at, temporary):
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | FILE, mode, dir_fd=at)
            with _named(self.root / name), os.fdopen(descriptor, "wb") as file:
                if isinstance(content, (str, bytes)):
                    file.write(content.encode() if isinstance(content, str) else content)
                else:
                    shutil.copyfileobj(content, file)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())

    @contextmanager
    def replacing(self, name: str | PurePath) -> Iterator[tuple[int, str]]:
        """A folder's descriptor and a free name in it; what the block leaves there takes the place of `name`."""
        with self.at(name) as (at, last):
            temporary = f".{last}.{uuid.uuid4().hex}.tmp"
            try:
                yield at, temporary
                os.replace(temporary, last, src_dir_fd=at, dst_dir_fd=at)
            except OSError as error:
                if error.filename == temporary:
                    error.filename, error.filename2 = last, None  # `at` makes a whole path of it
                raise
            finally:
                # rename(2) does nothing when both names are links to one file, and leaves the old name in place.
                with suppress(OSError):  # of a disk that is read-only by now, hear the error before
                    os.unlink(temporary, dir_fd=at)

    def read(self, name: str | PurePath, limit: int = 1 << 30) -> bytes:
        """All bytes of the regular file `name`, which are `limit` at most."""
        with os.fdopen(self.open(name), "rb") as file:
            content = file.read(limit + 1)
        if len(content) > limit:
            raise Irregular(f"{self.root / name} holds more than {limit:,} bytes")
        return content

    def make(self, name: str | PurePath) -> Path:
        """Make the folder `name`, and those above it, where they are missing; returns its path."""
        with self.folder(name, make=True):
            return self.root / name

    def names(self, name: str | PurePath = ".") -> list[str]:
        """The names in a folder; none where it is missing."""
        try:
            with self.folder(name) as at:
                descriptor = os.open(".", LISTED, dir_fd=at)
        except FileNotFoundError:
            return []
        except OSError as error:
            if error.filename == ".":
                error.filename = str(self.root / name)
            raise
        try:
            return os.listdir(descriptor)
        finally:
            os.close(descriptor)

    def stat(self, name: str | PurePath) -> os.stat_result | None:
        """What lies at `name`, a link itself among it, or None; raises `Outside` for a link on the way."""
        try:
            with self.at(name) as (at, last):
                return os.stat(last, dir_fd=at, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def is_file(self, name: str | PurePath) -> bool:
        """Whether `name` is a regular file, and no link."""
        found = self.stat(name)
        return found is not None and stat.S_ISREG(found.st_mode)

    def rename(self, source: str | PurePath, target: str | PurePath, *, durable: bool = False) -> None:
        """Rename within the root; with `durable`, the new name is on the disk when this returns."""
        with self.at(source) as (old, was), self.at(target) as (new, last):
            os.rename(was, last, src_dir_fd=old, dst_dir_fd=new)
            if durable:
                sync(new)

    def sync(self, name: str | PurePath) -> None:
        """Wait until the content of a file, or the names in a folder, are on the disk."""
        if (found := self.stat(name)) and stat.S_ISDIR(found.st_mode):
            with self.folder(name) as at:
                sync(at)
            return
        descriptor = self.open(name)
        try:
            with _named(self.root / name):
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def touch(self, name: str | PurePath, at: int | None = None) -> None:
        """Set the times of a file or folder to now, or to `at`, in nanoseconds; of a link, its own."""
        with self.at(name) as (folder, last):
            times = {} if at is None else {"ns": (at, at)}
            os.utime(last, dir_fd=folder, follow_symlinks=False, **times)

    def remove(self, name: str | PurePath) -> None:
        """Remove a file, or a link itself, if it is there."""
        with suppress(FileNotFoundError), self.at(name) as (at, last):
            os.unlink(last, dir_fd=at)

    def remove_tree(self, name: str | PurePath) -> None:
        """Remove a folder and all in it, as far as that is possible; of a link, only the link."""
        with suppress(OSError), self.at(name) as (at, last):
            if stat.S_ISDIR(_mode(last, at)):
                shutil.rmtree(last, ignore_errors=True, dir_fd=at)
            else:
                os.unlink(last, dir_fd=at)

    def refuse_link(self, name: str | PurePath) -> None:
        """Raise `Outside` where `name`, or a folder above it, is a symbolic link."""
        refuse_link(self.root, self.parts(name), self.called)

    def parts(self, name: str | PurePath) -> tuple[str, ...]:
        """The parts of a name from the root on; raises `Outside` for one that leads out of it.

        Raises FileNotFoundError for one that no file can have.
        """
        path = PurePath(name)
        if not _is_possible(str(path)):
            raise FileNotFoundError(errno.ENOENT, "no file can have such a name", in_a_line(str(path)))
        if path.is_relative_to(self.root):
            path = path.relative_to(self.root)
        if path.is_absolute() or ".." in path.parts:
            raise Outside(f"{str(name)!r} lies outside {self.called}, {self.root}.")
        return path.parts

    @contextmanager
    def at(self, name: str | PurePath) -> Iterator[tuple[int, str]]:
        """A descriptor of the folder that `name` lies in, and its last part; errors get its whole path."""
        *above, last = self.parts(name) or (".",)
        descriptor = descend(self.root, above, self.called)
        try:
            yield descriptor, last
        except OSError as error:
            if error.filename == last:
                explain(error, self.root, [*above, last], self.called)
            raise
        finally:
            os.close(descriptor)


def _is_possible(name: str) -> bool:
    try:
        return b"\0" not in os.fsencode(name)
    except UnicodeEncodeError:  # half of a surrogate pair, which a record may hold
        return False


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Give an error of a descriptor, which bears no name, that of its file."""
    try:
        yield
    except OSError as error:
        if error.strerror is not None and error.filename is None:
            error.filename = str(path)
        raise


def around(path: Path, root: Path | None = None) -> Inside:
    """The files of `root` where `path` lies below it, else those of the folder of `path`."""
    return Inside(root) if root and path.is_relative_to(root) else Inside(path.parent, "its folder")


def _mode(name: str, at: int) -> int:
    return os.stat(name, dir_fd=at, follow_symlinks=False).st_mode
