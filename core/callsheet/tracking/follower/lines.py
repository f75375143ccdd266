"""New lines of a log that grows, from a place in bytes on: whole ones, as records, and never past a torn end."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from callsheet.disk import typed
from callsheet.disk.inside import Inside
from callsheet.disk.typed import RECORD, Malformed
from callsheet.rundir.fields import ROWS


def new_lines(inside: Inside, name: str, start: int, end: int | None = None) -> Iterator[tuple[Mapping[str, Any], int]]:
    """Each new line of the log `name` behind byte `start`, and the byte that follows it; none past `end`.

    What is no record is passed over: its place comes with an empty mapping. A last line without its end is left for
    the next look. A log that is shorter than `start`, or has no line that ends there, is read from its beginning.
    Raises `Outside` for a link, and OSError.
    """
    try:
        descriptor = inside.open(name)
    except FileNotFoundError:
        return
    with os.fdopen(descriptor, "rb") as file:
        place = start if _ends_a_line(file, start) else 0
        file.seek(place)
        while (end is None or place < end) and (line := file.readline(RECORD + 1)):
            place += len(line)
            if line.endswith(b"\n"):
                yield _record(line, name), place
            elif len(line) > RECORD:  # too long for a record of ours; its rest is another one that is none
                yield {}, place
            else:
                return


def _ends_a_line(file: Any, place: int) -> bool:
    if not 0 < place <= file.seek(0, os.SEEK_END):
        return False
    file.seek(place - 1)
    return bool(file.read(1) == b"\n")


def _record(line: bytes, name: str) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = typed.parse(line, ROWS.get(name, dict), name)
    except Malformed:
        return {}
    return found
