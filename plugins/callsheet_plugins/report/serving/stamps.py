"""What tells, without reading a file, whether a run has changed since it was looked at."""

from __future__ import annotations

import os
from pathlib import Path

from callsheet.completions.files import FOLDER as COMPLETIONS
from callsheet.experiments.places import ARMS, RECORD
from callsheet.rundir import rundir
from callsheet.rundir.locks import is_held

FILES = (rundir.RUN, rundir.CONFIG, rundir.METRICS, rundir.EVALS, rundir.CHECKPOINTS, rundir.EVENTS)
# Whose files are made and replaced by a rename, which moves the time of the folder.
OUTBOX = ("pending", "active", "parked", "done", "failed")
FOLDERS = (".", COMPLETIONS, "predictions", *(f"outbox/{state}" for state in OUTBOX))
Stamp = tuple[object, ...]


def of_run(run: Path) -> Stamp:
    """Two are equal if nothing has changed of what a report shows of a run, nor whether a process works in it."""
    return (*(_look(run, name) for name in (*FILES, *FOLDERS)), is_held(run / rundir.LOCK))


def of_experiment(folder: Path) -> Stamp:
    """The same for what an experiment says of itself: its record, and the queue of its arms."""
    try:
        states = sorted(os.listdir(folder / ARMS))
    except OSError:
        states = []
    return (_look(folder, RECORD), *(_look(folder, f"{ARMS}/{state}") for state in states))


def _look(folder: Path, name: str) -> tuple[int, int, int] | None:
    """Which file it is, its size and its time; None if there is none."""
    try:
        found = os.lstat(f"{folder}/{name}")
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
