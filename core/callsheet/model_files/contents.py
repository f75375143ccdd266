"""Reads the small files of a model, and says in a sentence which of them cannot be read."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from callsheet.disk import os_errors, typed
from callsheet.disk.regular import open_regular
from callsheet.disk.typed import Malformed

LFS = b"version https://git-lfs"
COPY_AGAIN = "Copy or download it again."


class Damaged(Exception):
    """A file is not what its name says; the text is a sentence that names it."""


def json_of(path: Path) -> dict[str, Any]:
    """The JSON object in `path`, or an empty one where there is no such file; raises `Damaged` for anything else."""
    try:
        found = path.stat()
    except OSError:
        return {}
    return _read(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=32)  # of a tokenizer several questions are asked, and reading it takes a tenth of a second
def _read(path: Path, changed: int, size: int) -> dict[str, Any]:
    refuse_pointer(path)
    try:
        return typed.read(path, dict, limit=typed.LARGE, follow=True)
    except Malformed as error:
        raise Damaged(f"{error}. {COPY_AGAIN}") from error
    except OSError as error:
        raise Damaged(os_errors.said(error, path)) from error


def refuse_pointer(path: Path) -> None:
    """Raise `Damaged` for the file that Git LFS leaves in place of one that it has not fetched."""
    try:
        with os.fdopen(open_regular(path, follow=True), "rb") as file:
            is_pointer = file.read(len(LFS)) == LFS
    except OSError as error:
        raise Damaged(os_errors.said(error, path)) from error
    if is_pointer:
        raise Damaged(
            f"{path} only points to a file in Git LFS, which was not fetched. Run git lfs pull in its folder."
        )
