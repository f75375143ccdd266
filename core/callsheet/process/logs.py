"""What callsheet logs, on stderr: on the main process from INFO up, on the others warnings alone."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

from callsheet.distributed.world import world


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to what is sys.stderr now: while a bar moves, that puts lines above it."""

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, stream: TextIO) -> None:
        """None is kept."""


def show() -> None:
    """Print log lines from now on; a second call does nothing."""
    logger = logging.getLogger("callsheet")
    if not logger.handlers:
        logger.addHandler(_Stderr())
        logger.setLevel(logging.INFO if world().is_main else logging.WARNING)
