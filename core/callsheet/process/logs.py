"""Log lines of callsheet on stderr: from INFO on rank 0, from WARNING on other ranks."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

from callsheet.distributed.world import world
from callsheet.screen import cut, printable


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to the current `sys.stderr`: rich replaces it while a progress bar moves, to print lines above the bar."""

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, stream: TextIO) -> None:
        """Ignore `stream`: it is looked up at each write."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(map(cut, printable(super().format(record)).split("\n")))


def show() -> None:
    """Print log lines from now on; a second call does nothing."""
    logger = logging.getLogger("callsheet")
    if not logger.handlers:
        logger.addHandler(_Stderr())
        logger.setLevel(logging.INFO if world().is_main else logging.WARNING)
