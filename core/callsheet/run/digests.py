"""A digest of the rows of a data set: two runs have the same one if they got the same rows in the same order."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

AT_A_TIME = 1000  # rows; part of what a digest means, as is the order of columns


SMALL = 64 << 20  # bytes, which take a fraction of a second


def is_small(rows: Any) -> bool:
    """Whether the digest of `rows` takes no time worth mentioning; true of a stream, which has none."""
    table = getattr(rows, "data", None)
    if table is None or not _has_rows(rows):
        return True
    return bool(table.nbytes * len(rows) <= SMALL * max(table.num_rows, 1))


def digest(rows: Any, stop: Callable[[], bool] = lambda: False) -> str | None:
    """sha256 over the columns and the rows, wherever they were read from; None for a stream, and once `stop` says so.

    Each value is hashed as Arrow lays it out, so that large data are read about as fast as a disk gives them.
    """
    if not _has_rows(rows):
        return None
    import pyarrow  # type: ignore[import-untyped]  # pyarrow ships no types

    found = hashlib.sha256()
    tables = rows.with_format("arrow")
    found.update(repr([(name, str(kind)) for name, kind in _columns(tables)]).encode())
    for start in range(0, len(rows), AT_A_TIME):
        if stop():
            return None
        table = tables[start : start + AT_A_TIME]
        everything = pyarrow.array(range(table.num_rows), pyarrow.int32())
        # `take` makes new buffers: those of a slice may hold what lies beside it.
        for batch in table.take(everything).combine_chunks().to_batches():
            found.update(batch.serialize())
    return f"sha256:{found.hexdigest()}"


def _has_rows(rows: Any) -> bool:
    """Whether `rows` are a data set of `datasets` and no stream: a script may have any of torch's."""
    return hasattr(rows, "with_format") and hasattr(rows, "__len__")


def _columns(tables: Any) -> list[tuple[str, Any]]:
    schema = tables.features.arrow_schema
    return [*zip(schema.names, schema.types, strict=True)]
