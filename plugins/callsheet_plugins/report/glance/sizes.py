"""How much room a folder takes on the disk, as far as it is worth looking."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Size:
    """Bytes of the files below a folder; not `is_whole` if there were too many to look at all of them."""

    count: int
    is_whole: bool = True


def size_of(folder: Path, most: int) -> Size:
    """Look at `most` files at most; follows no link, and counts once what several names share."""
    seen: set[tuple[int, int]] = set()
    total, looked, folders = 0, 0, [str(folder)]
    while folders:
        try:
            with os.scandir(folders.pop()) as found:
                for entry in found:
                    looked += 1
                    if looked > most:
                        return Size(total, is_whole=False)
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        total += _new_bytes(entry, seen)
        except OSError:  # it is gone since, or another user's
            continue
    return Size(total)


def _new_bytes(entry: os.DirEntry[str], seen: set[tuple[int, int]]) -> int:
    found = entry.stat(follow_symlinks=False)
    if found.st_nlink > 1:
        if (found.st_dev, found.st_ino) in seen:
            return 0
        seen.add((found.st_dev, found.st_ino))
    return found.st_size
