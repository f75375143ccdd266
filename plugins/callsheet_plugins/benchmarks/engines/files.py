"""How the files of every engine are read: regular files alone, within limits, rows one by one."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from callsheet.disk import regular
from callsheet_plugins.benchmarks.engines.contract import Malformed

RESULTS_BYTES = 16 << 20  # of a file that is read as one piece
ROW_BYTES = 4 << 20  # of one prediction


def json_of(path: Path) -> Any:
    """The JSON in a results file of 16 MiB at most; raises `Malformed`."""
    try:
        return json.loads(regular.read(path, RESULTS_BYTES))
    except FileNotFoundError:
        raise Malformed(f"There is no results file {path.name}.") from None
    except OSError as error:
        raise Malformed(unreadable(path, error)) from error
    except RecursionError:
        raise Malformed(f"{path.name} is nested too deeply to be read as JSON.") from None
    except ValueError as error:
        raise Malformed(f"{path.name} cannot be read as JSON: {error}.") from error


def rows_of(path: Path) -> Iterator[Mapping[str, Any]]:
    """The objects in a JSONL file, one at a time, each 4 MiB at most; raises `Malformed` at a line that holds none."""
    with opened(path) as file:
        number = 0
        while line := file.readline(ROW_BYTES + 1):
            number += 1
            if len(line) > ROW_BYTES:
                raise Malformed(f"line {number} of {path.name} holds more than {ROW_BYTES:,} bytes.")
            if line.strip():
                yield _row(line, f"line {number} of {path.name}")


def opened(path: Path) -> IO[bytes]:
    """The regular file `path`, to read; raises `Malformed`, and never waits."""
    try:
        return os.fdopen(regular.open_regular(path), "rb")
    except OSError as error:
        raise Malformed(unreadable(path, error)) from error


def newest(folder: Path, pattern: str) -> Path:
    """The file below `folder` that was written last; raises `Malformed` where there is none."""
    found = max(folder.rglob(pattern), key=lambda path: path.lstat().st_mtime_ns, default=None)
    if found is None:
        raise Malformed(f"There is no results file {pattern} in {folder}.")
    return found


def unreadable(path: Path, error: OSError) -> str:
    """Why a file is not read, in a sentence, with its size where that is why."""
    if error.errno == errno.ELOOP:
        return f"{path.name} is a symbolic link, no regular file."
    if not isinstance(error, regular.Irregular):
        return f"{path.name} cannot be read: {error.strerror or error}."
    found = os.lstat(path)
    if not stat.S_ISREG(found.st_mode):
        return f"{path.name} is {regular.kind(found.st_mode)}, no regular file."
    return f"{path.name} holds {found.st_size:,} bytes, and {RESULTS_BYTES:,} are read at most."


def _row(line: bytes, where: str) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        said = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise Malformed(f"{where} cannot be read: {said}.") from error
    if not isinstance(row, Mapping):
        raise Malformed(f"{where} is no object.")
    return row
