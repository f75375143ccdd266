"""One driver at a time for an experiment, and workers as many as join."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from callsheet.disk import os_errors
from callsheet.disk.descent import Outside
from callsheet.disk.inside import Inside
from callsheet.errors import CallsheetError
from callsheet.experiments.driver.record import CALLED
from callsheet.experiments.places import LOCK
from callsheet.experiments.queue.holders import Process, lives, process
from callsheet.rundir.locks import Flock, flock_past_readers
from callsheet.session.going_on import shell

HOLDER = re.compile(r"process (\d{1,9}) on (\S+), begun at tick (\d+)")
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
        asked, holder = flock_past_readers(lock), lock.read(LONGEST)
        if asked is Flock.HELD or (asked is Flock.UNKNOWN and _lives(holder)):
            raise CallsheetError(_held(folder, holder.partition(",")[0].strip()))
        lock.truncate(0)
        with suppress(OSError):  # on a full disk it does not say whose it is; what a buffer kept would fail once more
            os.pwrite(lock.fileno(), _myself().encode(), 0)
        try:
            yield
        finally:
            lock.truncate(0)


def _myself() -> str:
    return f"process {os.getpid()} on {os.uname().nodename}, begun at tick {process(os.getpid()).began}"


def _lives(holder: str) -> bool:
    """Whether the process that took the lock last is of this machine and lives: all there is to ask without locks."""
    found = HOLDER.fullmatch(holder)
    if found is None or found[2] != os.uname().nodename:
        return False
    return lives(Process(int(found[1]), int(found[3])))


def _held(folder: Path, holder: str) -> str:
    work, status = (shell("callsheet", "experiment", what, str(folder)) for what in ("work", "status"))
    return (
        f"The experiment in {folder} is driven by another process ({holder or 'unknown'}). "
        f"To look at it: {status}. To work on its arms with it: {work}"
    )
