"""A file of a run that holds nothing but room: on a full disk it is removed, and how the run ended can be written."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from callsheet.disk.inside import Inside

NAME = ".reserve"
BYTES = 1 << 18  # a run.json has a fifth of it
USED_UP = (errno.ENOSPC, errno.EDQUOT)


def keep(folder: Path) -> None:
    """Take the room, while there is some; its content is one that no file system makes smaller."""
    with suppress(OSError):
        Inside(folder).write(NAME, os.urandom(BYTES), durable=False)


def free(folder: Path) -> bool:
    """Give the room back; returns whether there was any."""
    inside = Inside(folder)
    held = inside.stat(NAME) is not None
    inside.remove(NAME)
    return held


def last_words(folder: Path, write: Callable[[], object]) -> None:
    """Call `write`, and where the disk is full, again with the room. Raises OSError as `write` does."""
    try:
        write()
    except OSError as error:
        if error.errno not in USED_UP or not free(folder):
            raise
        write()
