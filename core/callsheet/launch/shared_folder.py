"""Whether all hosts of a run see its directory."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from callsheet.disk import os_errors
from callsheet.disk.inside import Inside
from callsheet.disk.planted import refuse_planted
from callsheet.distributed import slurm
from callsheet.distributed.collectives import all_gather, broadcast
from callsheet.distributed.world import world
from callsheet.errors import CallsheetError, listed

PATIENCE = 10.0  # seconds for a network's file system to show a new file
LOOK = 0.1


def require(folder: Path) -> None:
    """Raise `CallsheetError` on all ranks where one does not see what rank 0 writes into `folder`; leaves no file."""
    folder, made = folder.absolute(), list[Path]()
    mark = folder / broadcast(lambda: _leave_mark(folder, made))
    try:
        blind = [host for host, sees in all_gather((slurm.node(os.environ), _sees(mark))) if not sees]
    finally:
        if world().is_main:
            _remove(mark, made if blind else [])
    if blind:
        error = CallsheetError(
            f"{listed(sorted(set(blind)))} cannot see {folder}, where rank 0 writes this run. All nodes of a run must "
            "share its directory: choose an output_dir on a file system that all of them mount."
        )
        error.is_echo = not world().is_main  # type: ignore[attr-defined]
        raise error


def _leave_mark(folder: Path, made: list[Path]) -> str:
    """The name of a new file, which no host can have seen before and remember as missing."""
    with os_errors.at_door():
        made += [each for each in (folder, *folder.parents) if not each.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        refuse_planted(folder)
        name = f".shared-{uuid4().hex}"
        os.close(Inside(folder).open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    return name


def _sees(mark: Path) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not os.path.exists(mark):  # False also where this host may not look
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK)
    return True


def _remove(mark: Path, folders: list[Path]) -> None:
    with suppress(OSError):
        mark.unlink()
        for folder in folders:
            folder.rmdir()
