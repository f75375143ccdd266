"""Python: the functions that it calls at its exit."""

from __future__ import annotations

import atexit

from callsheet.privates.library import PYTHON, Library, Private

LIBRARY = Library(
    PYTHON,
    read_in="3.11",
    source="https://github.com/python/cpython/blob/3.11",
    names=(
        Private(
            "atexit._run_exitfuncs", "Modules/atexitmodule.c", 1, "ends a worker that must not tear torch down"
        ),
    ),
)  # fmt: skip


def run_exit_functions() -> None:
    """Call now what was registered with `atexit`, for a process that leaves without Python's own end."""
    atexit._run_exitfuncs()
