"""A small disk of its own: only a real one is full for every library."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[Path]:
    """Mount a file system in memory at `folder`, as options of `mount` size it: "size=64k". Skips where none may."""
    if os.geteuid() != 0 or sys.platform != "linux":
        pytest.skip("only root may mount")
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # libraries may keep files open


def fill(folder: Path, but: int) -> Path:
    """Leave `but` bytes free on the disk of `folder`; returns the file whose removal frees the rest."""
    found = os.statvfs(folder)
    size = found.f_bavail * found.f_frsize - but
    with (folder / "fill").open("wb") as file:
        while not _takes(file.fileno(), size):
            size -= found.f_frsize  # somebody has written meanwhile
    return folder / "fill"


def _takes(file: int, size: int) -> bool:
    try:
        os.posix_fallocate(file, 0, size)
    except OSError:
        return False
    return True
