"""Reads the small files of a model, and says in a sentence which of them cannot be read."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

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
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Damaged(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        said = "is empty" if not size else f"is no JSON: {error}"
        raise Damaged(f"{path} {said}. {COPY_AGAIN}") from error
    if not isinstance(content, dict):
        raise Damaged(f"{path} holds no JSON object. {COPY_AGAIN}")
    return content


def refuse_pointer(path: Path) -> None:
    """Raise `Damaged` for the file that Git LFS leaves in place of one that it has not fetched."""
    try:
        with path.open("rb") as file:
            is_pointer = file.read(len(LFS)) == LFS
    except OSError as error:
        raise Damaged(f"{path} cannot be read: {error.strerror}.") from error
    if is_pointer:
        raise Damaged(
            f"{path} only points to a file in Git LFS, which was not fetched. Run git lfs pull in its folder."
        )
