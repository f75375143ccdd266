"""Who has a port of this machine, as far as this user may see."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

LISTENS = "0A"  # as proc(5) has it
TABLES = ("/proc/net/tcp", "/proc/net/tcp6")


def who_has(port: int) -> str:
    """The process that listens on `port`, with its command; another user's has no name, and may be none of ours."""
    sockets = {f"socket:[{inode}]" for table in TABLES for inode in _listening(Path(table), port)}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any(os.readlink(open_file) in sockets for open_file in _open_files(process)):
                return f"process {process.name} ({_command(process)})"
    return "a process of another user"


def _listening(table: Path, port: int) -> Iterator[str]:
    with suppress(OSError):
        for line in table.read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == LISTENS and int(local.rpartition(":")[2], 16) == port:
                yield rest[5]


def _open_files(process: Path) -> Iterator[str]:
    for name in os.listdir(process / "fd"):
        yield f"{process}/fd/{name}"


def _command(process: Path) -> str:
    """Its first words: what follows may hold what is nobody's business."""
    words = (process / "cmdline").read_text(errors="replace").split("\0")
    return " ".join(words[:3]).strip() or "of no known name"
