"""Says which import a command waits for."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from callsheet.distributed.world import world
from callsheet.privates.python import frame_of

UNTOLD = 5.0  # seconds in which nothing is said


@contextmanager
def told(who: str) -> Iterator[None]:
    """Log that `who` is still being imported, and in which line, if the block takes long. One rank says it."""
    if not world().is_main:
        yield
        return
    timer = threading.Timer(UNTOLD, _tell, [who, threading.get_ident()])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _tell(who: str, thread: int) -> None:
    import logging  # which most commands do without

    frames = traceback.extract_stack(frame_of(thread))
    where = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    logging.getLogger("callsheet").warning(
        "%s is still being imported, after %g seconds%s. Ctrl-C stops it.", who, UNTOLD, where
    )
