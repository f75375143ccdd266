"""The columns and rows of a local data file, and its first wrong line, found without `datasets`."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from callsheet.data.files import FORMATS, files_of
from callsheet.data.formats import ROWS
from callsheet.disk import os_errors, regular
from callsheet.errors import CallsheetError, first_line

# A quick look ends at the first of these limits; each keeps it under half a second.
QUICK_BYTES = 32 * 2**20
QUICK_LINES = 200_000
LONGEST_LINE = 64 * 2**20  # bytes; a row of which more is no row
SHOWN = 60


_seen: ContextVar[dict[tuple[str, bool], Contents | CallsheetError] | None] = ContextVar("seen", default=None)


@dataclass(frozen=True)
class Contents:
    """The columns and rows of a file or folder; None if a quick look could not tell.

    `sample` are the first rows where the file brings their values along: JSON does.
    """

    columns: list[str] | None
    rows: int | None
    sample: Sequence[Mapping[str, Any]] = ()


@contextmanager
def looking_once() -> Iterator[None]:
    """As long as it lasts, each path is looked at once: the arms of an experiment share their data."""
    before = _seen.set({})
    try:
        yield
    finally:
        _seen.reset(before)


def look(path: str, quick: bool = True) -> Contents:
    """Read a file, or all files of a folder; raises `CallsheetError` at the first wrong line."""
    seen = _seen.get()
    if seen is None:
        return _look(path, quick)
    if (path, quick) not in seen:
        try:
            seen[path, quick] = _look(path, quick)
        except CallsheetError as error:
            seen[path, quick] = error
    if isinstance(found := seen[path, quick], CallsheetError):
        raise found
    return found


def _look(path: str, quick: bool) -> Contents:
    contents: list[Contents] = []
    size = 0
    for file in files_of(path):
        if not quick or size <= QUICK_BYTES:
            contents.append(_look_into(file, quick))
            size += file.stat().st_size
    # Only `datasets` knows which files of a folder form which split, so the rows stay unknown.
    return replace(contents[0], rows=None) if Path(path).expanduser().is_dir() else contents[0]


def first_row(path: str) -> dict[str, Any] | None:
    """The first row at `path`, with its values; None for CSV, whose values are text, and where it cannot be told."""
    file = files_of(path)[0]
    kind = FORMATS[file.suffix]
    if kind == "parquet":
        return _first_of_parquet(file)
    first = next((line for _, line in _lines(file, quick=True) if line.strip()), "") if kind == "json" else ""
    try:
        row = json.loads(first)
    except (ValueError, RecursionError):
        return None
    row = row[0] if isinstance(row, list) and row else row
    return row if isinstance(row, dict) else None


def _first_of_parquet(file: Path) -> dict[str, Any] | None:
    from pyarrow import ArrowException, parquet  # type: ignore[import-untyped]  # pyarrow ships no types

    try:
        with parquet.ParquetFile(file) as table:
            rows: list[dict[str, Any]] = next(iter(table.iter_batches(batch_size=1))).to_pylist()
    except (ArrowException, OSError, StopIteration):
        return None
    return rows[0] if rows else None


def _look_into(file: Path, quick: bool) -> Contents:
    try:
        os.close(regular.open_regular(file, follow=True))
    except regular.Irregular as error:
        raise CallsheetError(f"Data file {error}.") from error
    if file.stat().st_size == 0:
        raise CallsheetError(f"Data file '{file}' is empty.")
    return {"json": _json, "csv": _csv, "parquet": _parquet}[FORMATS[file.suffix]](file, quick)


def _json(file: Path, quick: bool) -> Contents:
    first = next((line for _, line in _lines(file, quick) if line.strip()), "")
    if not _is_document(file, first):
        lines = ((number, line) for number, line in _lines(file, quick) if line.strip())
        return _objects(file, quick, ((number, _parse(file, number, line)) for number, line in lines))
    if quick and file.stat().st_size > QUICK_BYTES:
        return Contents(None, None)
    rows = _parse(file, 1, "".join(line for _, line in _lines(file, quick=False)))
    return _objects(file, quick, enumerate(rows if isinstance(rows, list) else [rows], 1), "row")


def _is_document(file: Path, first_line: str) -> bool:
    """Whether the file is one list of rows or one object over several lines, and not one object per line."""
    try:
        row = json.loads(first_line)
    except (ValueError, RecursionError):
        return file.suffix == ".json" or first_line.lstrip().startswith("[")
    return isinstance(row, list) and all(isinstance(item, dict) for item in row)


def _parse(file: Path, number: int, text: str) -> Any:
    """The value of `text`, which starts at line `number` of `file`."""
    text = text.rstrip()
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line = text.split("\n")[error.lineno - 1]
        said = f"{error.msg} at column {error.colno}. The line says {_cut(line, error.colno)}."
        raise CallsheetError(f"{file}, line {number + error.lineno - 1}: {said}") from error
    except RecursionError as error:
        raise CallsheetError(f"{file}, line {number}: lists or objects are nested too deeply to be read.") from error
    except ValueError as error:  # an int of more digits than Python takes
        raise CallsheetError(f"{file}, line {number}: a number has too many digits: {first_line(error)}") from error


def _objects(file: Path, quick: bool, rows: Iterable[tuple[int, Any]], unit: str = "line") -> Contents:
    columns: dict[str, None] = {}
    sample: list[dict[str, Any]] = []
    count = number = 0
    for number, row in rows:
        if not isinstance(row, dict):
            raise CallsheetError(f"{file}, {unit} {number}: a row must be an object in braces, not {_cut(str(row))}.")
        count += 1
        if count <= ROWS:
            sample.append(row)
        if row.keys() - columns.keys():
            columns.update(dict.fromkeys(row))
    whole = [{name: row.get(name) for name in columns} for row in sample]  # as `datasets` fills them
    return replace(_contents(file, quick, list(columns), count, number), sample=whole)


def _csv(file: Path, quick: bool) -> Contents:
    rows = csv.reader(line for _, line in _lines(file, quick))
    header = next(rows, [])
    count = 0
    try:
        for row in rows:
            count += bool(row)
            if len(row) > len(header):
                said = f"{len(row)} fields where the header has {len(header)}"
                raise CallsheetError(f"{file}, line {rows.line_num}: {said}: {', '.join(header)}.")
    except csv.Error:  # A field is longer than csv's limit. pandas loads the data and has no such limit.
        return Contents(header, None)
    return _contents(file, quick, header, count, rows.line_num)


def _parquet(file: Path, quick: bool) -> Contents:
    from pyarrow import ArrowException, parquet  # type: ignore[import-untyped]  # pyarrow ships no types

    try:
        with parquet.ParquetFile(file) as table:
            return _contents(file, False, table.schema_arrow.names, table.metadata.num_rows, 0)
    except OSError as error:
        raise os_errors.Refused(os_errors.said(error, file)) from error
    except ArrowException as error:
        raise CallsheetError(f"'{file}' is not a Parquet file: {error}") from error


def _lines(file: Path, quick: bool) -> Iterator[tuple[int, str]]:
    """The lines of a UTF-8 file, numbered from 1."""
    size = 0
    with os.fdopen(regular.open_regular(file, follow=True), "rb") as lines:
        for number, line in enumerate(iter(lambda: lines.readline(LONGEST_LINE + 1), b""), 1):
            if quick and (size > QUICK_BYTES or number > QUICK_LINES):
                return
            if len(line) > LONGEST_LINE:
                raise CallsheetError(f"{file}, line {number} holds more than {LONGEST_LINE:,} bytes, which is no row.")
            size += len(line)
            yield number, _decoded(file, number, line)


def _decoded(file: Path, number: int, line: bytes) -> str:
    try:
        return line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        said = f"byte {line[error.start]:#04x} at position {error.start} is not UTF-8; save the file as UTF-8"
        raise CallsheetError(f"{file}, line {number}: {said}.") from error


def _contents(file: Path, quick: bool, columns: list[str], rows: int, last_line: int) -> Contents:
    if not rows:
        raise CallsheetError(f"Data file '{file}' has no rows.")
    in_part = quick and (file.stat().st_size > QUICK_BYTES or last_line >= QUICK_LINES)
    return Contents(columns, None if in_part else rows)


def _cut(line: str, column: int = 0) -> str:
    """The part of `line` around `column` that fits on a screen, in quotes."""
    start = max(0, min(column - SHOWN // 2, len(line) - SHOWN))
    end = start + SHOWN
    return f"'{'…' if start else ''}{line[start:end]}{'…' if end < len(line) else ''}'"
