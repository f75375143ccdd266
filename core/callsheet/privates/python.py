"""Python: what it waits for and calls at its exit, and the folders of distributions."""

from __future__ import annotations

import atexit
import sys
import threading
from importlib.metadata import Distribution
from pathlib import Path
from types import FrameType

from callsheet.privates.library import PYTHON, Library, Private

LIBRARY = Library(
    PYTHON,
    read_in="3.11",
    source="https://github.com/python/cpython/blob/3.11/Lib",
    names=(
        Private(
            "atexit._run_exitfuncs", "../Modules/atexitmodule.c", 1, "ends a process that must not tear torch down"
        ),
        Private("_shutdown", "threading.py", 1541, "waits for threads before it ends a process"),
        Private("sys._current_frames", "../Python/sysmodule.c", 1, "says in which line a slow import is"),
        Private("PathDistribution._path", "importlib/metadata/__init__.py", 928, "reads metadata in half the time"),
    ),
)  # fmt: skip


def run_exit_functions() -> None:
    """Call now what was registered with `atexit`, for a process that leaves without Python's own end."""
    atexit._run_exitfuncs()


def wait_for_threads() -> None:
    """Wait for all threads that are no daemons, for a process that leaves without Python's own end."""
    threading._shutdown()  # type: ignore[attr-defined]  # typeshed lists no private names


def frame_of(thread: int) -> FrameType | None:
    """What the thread of this number does now."""
    return sys._current_frames().get(thread)


def folder_of(dist: Distribution) -> str | None:
    """The folder of its metadata, or None for one that is no folder, as in a zip file."""
    path = getattr(dist, "_path", None)
    return str(path) if isinstance(path, Path) else None
