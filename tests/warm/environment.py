"""Whether a command may be forked: its environment must agree with the server's in all that the imports have read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

# Read by shared libraries as they are loaded, where `preload.Recording` cannot see it, or by Python as it starts.
UNSEEN = ("ARROW_", "GOMP_", "KMP_", "LC_", "LD_", "MALLOC_", "MKL_", "OMP_", "OPENBLAS_", "PYTHON", "TORCH_")

OF_THE_HUB = ("HF_ENDPOINT", "HF_HUB_OFFLINE")

# A fork sees to these itself, or they are read anew when they are needed.
LATE = {
    *("PYTHONPATH", "PYTHONSAFEPATH", "PYTHONUNBUFFERED", "OMP_NUM_THREADS", "TMPDIR", "TEMP", "TMP"),  # child.py
    *("COLUMNS", "LINES", "PATH", "PWD", "OLDPWD", "SHLVL", "TERM", "_"),
    "HF_HUB_DISABLE_TELEMETRY",  # Callsheet sets it in the process that trains, and so does the server
    "TORCH_NCCL_ASYNC_ERROR_HANDLING",  # torch's elastic agent sets it for each worker
    "PYTEST_CURRENT_TEST",  # mlflow asks only whether there is one, and the server has one
    # Of an OpenMP that torch does not bring: joblib sets the first where it is imported, `accelerate launch` the others.
    *("KMP_INIT_AT_FORK", "KMP_AFFINITY", "KMP_BLOCKTIME"),
    *OF_THE_HUB,  # child.py: of one that a test has started
}


def differences(mine: Mapping[str, str], theirs: Mapping[str, str], read: set[str]) -> set[str]:
    """The variables in which two environments differ, of those that the imports have read."""
    names = {name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name)}
    return {name for name in names - LATE if name in read or name.startswith(UNSEEN)}


def search_path(environment: Mapping[str, str], first: str | None) -> Iterator[str]:
    """What Python would put in front of the standard library's folders."""
    if first is not None and not environment.get("PYTHONSAFEPATH"):
        yield first
    if path := environment.get("PYTHONPATH"):
        yield from map(os.path.abspath, path.split(os.pathsep))
