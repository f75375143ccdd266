"""The log of a job that is over: cut in its middle, its secrets blanked, a piece at a time, however long it is."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from callsheet.disk.inside import Inside
from callsheet.secrets import redacted_stream
from callsheet_plugins.benchmarks.dispatch.contract import run_of
from callsheet_plugins.benchmarks.dispatch.runner import CUT, EDGE_BYTES, HEAD_BYTES, TAIL_BYTES

PIECE = 1 << 18
NOT_KEPT = "[callsheet: this log could not be searched for secrets, and was not kept]\n"


def blank(path: Path) -> None:
    """Blank the secrets in the log at `path`, and keep its first 4 MiB and its last 12; what is no file stays."""
    run = run_of(path.parent)
    with suppress(OSError), os.fdopen(run.open(path), "rb") as log:
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            if _write(log, run, temporary):
                run.rename(temporary, path)
        finally:
            run.remove(temporary)


def drop(path: Path) -> None:
    """Keep nothing of a log that could not be searched."""
    with suppress(OSError):
        run_of(path.parent).write(path, NOT_KEPT, durable=False)


def _write(log: IO[bytes], run: Inside, temporary: Path) -> bool:
    """Write what is kept; returns whether that is anything else than the log."""
    size = os.fstat(log.fileno()).st_size
    rest = _rest(log, size)
    with os.fdopen(run.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as kept:
        if rest is None:
            kept.writelines(redacted_stream(_pieces(log, 0, size)))
            return kept.tell() != size  # a secret only gets shorter
        kept.writelines(_without_end(redacted_stream(_pieces(log, 0, HEAD_BYTES + EDGE_BYTES))))
        kept.write(CUT)
        kept.writelines(_without_start(redacted_stream(_pieces(log, rest, size))))
        return True


def _rest(log: IO[bytes], size: int) -> int | None:
    """Where the last part begins, of a log that the runner has cut, or that is too long; None where it is neither.

    Both parts are longer by an edge than what is kept of them, because a secret that was cut in two is not seen.
    """
    first = HEAD_BYTES + EDGE_BYTES
    cut = os.pread(log.fileno(), len(CUT), first) == CUT
    if not cut and size <= first + EDGE_BYTES + TAIL_BYTES:
        return None
    return max(first + (len(CUT) if cut else 0), size - TAIL_BYTES - EDGE_BYTES)


def _pieces(log: IO[bytes], begin: int, stop: int) -> Iterator[bytes]:
    while piece := os.pread(log.fileno(), min(PIECE, stop - begin), begin):
        yield piece
        begin += len(piece)


def _without_start(pieces: Iterable[bytes]) -> Iterator[bytes]:
    left = EDGE_BYTES
    for piece in pieces:
        yield piece[left:]
        left = max(left - len(piece), 0)


def _without_end(pieces: Iterable[bytes]) -> Iterator[bytes]:
    held = b""
    for piece in pieces:
        held += piece
        yield held[:-EDGE_BYTES]
        held = held[-EDGE_BYTES:]
