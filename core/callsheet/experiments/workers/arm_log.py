"""The log of an arm, where a library in C, or another program, writes past the streams that blank secrets."""

from __future__ import annotations

import logging
import os
from typing import BinaryIO

from callsheet.disk import os_errors
from callsheet.disk.inside import Inside
from callsheet.secrets.streams import kind_in, redacted_stream

PIECE = 1 << 20  # bytes that are read at once

logger = logging.getLogger("callsheet")


def blank_secrets(inside: Inside, name: str) -> None:
    """Blank the secrets in the file `name`, to which nobody writes any more. What goes wrong is a warning."""
    try:
        with os.fdopen(inside.open(name), "rb") as log:
            if kind_in(iter(lambda: log.read(PIECE), b"")):
                log.seek(0)
                _replace(inside, name, log)
    except FileNotFoundError:
        return
    except OSError as error:
        logger.warning("%s may hold a secret, which could not be taken out: %s", name, os_errors.said(error))


def _replace(inside: Inside, name: str, log: BinaryIO) -> None:
    mode = os.fstat(log.fileno()).st_mode & 0o777
    with inside.replacing(name) as (at, draft):
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode, dir_fd=at)
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(redacted_stream(iter(lambda: log.read(PIECE), b"")))
