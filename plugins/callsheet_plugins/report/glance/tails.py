"""The end of a log: as much of it as is worth its time, and the rows in there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callsheet.disk.os_errors import said
from callsheet.disk.regular import open_regular

TAIL = 1 << 16  # bytes in which the last value of most names stands


@dataclass(frozen=True)
class Tail:
    """The last bytes of a log; `is_whole` says that they are all of it."""

    data: bytes
    is_whole: bool = True

    def rows(self, holding: str = "") -> Iterator[dict[str, Any]]:
        """The rows in it, oldest first, or those with this text; what is no JSON object is passed over."""
        if not holding:
            yield from filter(None, map(_row, self.data.split(b"\n")))
            return
        wanted, place = holding.encode(), 0
        while (found := self.data.find(wanted, place)) >= 0:
            end = self.data.find(b"\n", found)
            place = len(self.data) if end < 0 else end
            if row := _row(self.data[self.data.rfind(b"\n", 0, found) + 1 : place]):
                yield row

    def backwards(self, holding: str) -> Iterator[dict[str, Any]]:
        """The rows with this text, the last one first."""
        wanted, place = holding.encode(), len(self.data)
        while (found := self.data.rfind(wanted, 0, place)) >= 0:
            begin, end = self.data.rfind(b"\n", 0, found) + 1, self.data.find(b"\n", found)
            if row := _row(self.data[begin : len(self.data) if end < 0 else end]):
                yield row
            place = begin

    def shorter(self, most: int) -> Tail:
        """Its own last `most` bytes."""
        return self if len(self.data) <= most else Tail(self.data[-most:], is_whole=False)


def tail_of(path: Path, most: int = TAIL) -> Tail:
    """The last `most` bytes of the regular file `path`; nothing where there is none, or this user may not read it."""
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - most))
            return Tail(file.read(most), size <= most)
    except OSError:
        return Tail(b"")


def why_closed(path: Path) -> str:
    """Why the file `path` is there and cannot be read; an empty text where it can, or where there is none."""
    try:
        os.close(open_regular(path))
    except FileNotFoundError:
        return ""
    except OSError as error:
        return said(error, path)
    return ""


def _row(line: bytes) -> dict[str, Any] | None:
    import msgspec  # six times as fast as json

    try:
        row = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return row if isinstance(row, dict) else None
