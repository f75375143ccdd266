"""Writing and moving files so that a crash, or a full disk, leaves the old state or the new one.

`root` is a folder above the file, such as the run directory: no symbolic link below it is followed. Left out, it is the
folder of the file, so that only a link in place of the file itself leads nowhere.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from callsheet.disk.inside import Inside, around
from callsheet.secrets import redact_text


def write(path: Path, text: str, root: Path | None = None) -> None:
    """Write `text` without its secrets to `path` in one step.

    Whoever looks, also after a power cut, finds all of it or none.
    """
    around(path, root).write(path, redact_text(text))


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


def publish(written: Path, path: Path, root: Path | None = None) -> None:
    """Rename a file that was written under another name, after its content has reached the disk."""
    inside = around(written, root or written.parent)
    inside.sync(written)
    inside.rename(written, path)


def move(source: Path, target: Path, root: Path | None = None) -> None:
    """Rename `source` to `target`; the name is on the disk when this returns."""
    if root is None:
        source.rename(target)
        sync(target.parent)
    else:
        Inside(root).rename(source, target, durable=True)


def sync(folder: Path) -> None:
    """Put the names in `folder` on the disk, where the file system lets one ask for that."""
    with suppress(OSError):
        Inside(folder).sync(".")
