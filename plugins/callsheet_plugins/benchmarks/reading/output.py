"""The folder of an engine's own files: their secrets blanked, in content and in names, a piece at a time."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from callsheet.disk import regular
from callsheet.secrets import kind_in, redact_text, redacted_stream

PIECE = 1 << 18
MOST = 256 << 20


def blank(folder: Path) -> None:
    """Blank what can be changed below `folder`, without following links.

    Of content, `MOST` bytes are looked at, those of smaller files first: it takes a second for some 30 MB.
    """
    found = sorted(_below(folder), key=_size)
    left = MOST
    for path in found:
        left -= _size(path)
        with suppress(OSError):
            if left >= 0:
                _blank_content(path)
    for path in sorted(found, key=lambda path: len(path.parts), reverse=True):  # a folder after what lies in it
        with suppress(OSError):
            _blank_name(path)


def _below(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        yield from (Path(place) / name for name in (*folders, *files))


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.lstat().st_size
    return 0


def _blank_content(path: Path) -> None:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode) and redact_text(target := os.readlink(path)) != target:
        path.unlink()
    if not stat.S_ISREG(mode) or not kind_in(_pieces(path)):
        return
    temporary = path.with_name(f".{os.getpid()}.tmp")
    try:
        with temporary.open("xb") as kept:
            kept.writelines(redacted_stream(_pieces(path)))
        temporary.chmod(stat.S_IMODE(mode))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _blank_name(path: Path) -> None:
    if (name := redact_text(path.name)) == path.name:
        return
    free = (path.with_name(name if not number else f"{name}-{number}") for number in range(1_000_000))
    path.rename(next(place for place in free if not os.path.lexists(place)))


def _pieces(path: Path) -> Iterator[bytes]:
    with os.fdopen(regular.open_regular(path), "rb") as file:
        while piece := file.read(PIECE):
            yield piece
