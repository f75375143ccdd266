"""One driver at a time for an experiment, and workers as many as join."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from callsheet.disk import os_errors
from callsheet.disk.descent import Outside
from callsheet.disk.inside import Inside
from callsheet.errors import CallsheetError
from callsheet.experiments.driver.record import CALLED
from callsheet.experiments.places import LOCK
from callsheet.rundir.locks import Flock, flock_past_readers
from callsheet.session.going_on import shell

LONGEST = 4096  # characters of what the file says


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold the lock of the experiment in `folder`, which is made where it is missing.

    Raises `CallsheetError` where another driver has it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = Inside(folder, CALLED).open(LOCK, os.O_RDWR | os.O_CREAT)
    except Outside:
        raise
    except OSError as error:
        raise os_errors.Refused(os_errors.said(error, folder)) from error
    with os.fdopen(descriptor, "r+", encoding="utf-8", errors="replace") as lock:
        if flock_past_readers(lock) is Flock.HELD:
            raise CallsheetError(_held(folder, lock.read(LONGEST).strip()))
        lock.truncate(0)
        with suppress(OSError):  # on a full disk it does not say whose it is; what a buffer kept would fail once more
            os.write(lock.fileno(), f"process {os.getpid()} on {os.uname().nodename}".encode())
        yield


def _held(folder: Path, holder: str) -> str:
    work, status = (shell("callsheet", "experiment", what, str(folder)) for what in ("work", "status"))
    return (
        f"The experiment in {folder} is driven by another process ({holder or 'unknown'}). "
        f"To look at it: {status}. To work on its arms with it: {work}"
    )
