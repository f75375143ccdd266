"""Writing and moving files so that a crash, or a full disk, leaves the old state or the new one."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from callsheet.secrets import redact_text


def write(path: Path, text: str) -> None:
    """Write `text` without its secrets to `path` in one step.

    Whoever looks, also after a power cut, finds all of it or none.
    """
    with replacing(path) as temporary:
        temporary.write_text(redact_text(text), encoding="utf-8")
        _sync_file(temporary)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A free name beside `path`; the file that the block leaves there takes the place of `path` in one step.

    Only `write` waits for the disk: after a power cut, what the block wrote may be there in part.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        # rename(2) does nothing when both names are links to one file, and leaves the old name in place.
        temporary.unlink(missing_ok=True)


def publish(written: Path, path: Path) -> None:
    """Rename a file that was written under another name, after its content has reached the disk."""
    _sync_file(written)
    written.rename(path)


def move(source: Path, target: Path) -> None:
    """Rename `source` to `target`; the name is on the disk when this returns."""
    source.rename(target)
    sync(target.parent)


def sync(folder: Path) -> None:
    """Put the names in `folder` on the disk, where the file system lets one ask for that."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:  # some network file systems refuse to sync a folder
        return
    finally:
        os.close(descriptor)


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
