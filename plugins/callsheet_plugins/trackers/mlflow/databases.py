"""MLflow's databases: made whole or not at all, and what is wrong with one that cannot be opened."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from callsheet.errors import CallsheetError, first_line
from callsheet_plugins.trackers.mlflow.places import without_secret

if TYPE_CHECKING:
    from mlflow import MlflowClient

ANOTHER_VERSION = re.compile(r"out-of-date database schema|Can't locate revision|No such revision")
HALF_MADE = re.compile(r"table (_alembic_tmp_)?\w+ already exists")
MAKE = "import sys; from mlflow import MlflowClient; MlflowClient(sys.argv[1])"


def make(path: Path) -> None:
    """Make a SQLite database with MLflow's tables, unless there is a file.

    It takes MLflow seconds. Two that make one file at once, or a kill meanwhile, leave a file that no MLflow ever opens
    again (mlflow 3.17, `SqlAlchemyStore.__init__`). So each makes its own, and the first that is whole gets the name.
    """
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        _make(draft)
        _name(draft, path)
    finally:
        for left in path.parent.glob(f"{draft.name}*"):
            left.unlink(missing_ok=True)


def _make(draft: Path) -> None:
    command = [sys.executable, "-c", MAKE, f"sqlite:///{draft}"]
    made = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    if made.returncode:
        said = made.stderr.strip().splitlines() or [f"exit code {made.returncode}"]
        raise OSError(f"MLflow could not make {draft}: {said[-1]}")


def _name(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        return  # somebody else was first
    except OSError:  # no links here
        if not path.exists():
            draft.rename(path)


def connected(uri: str) -> MlflowClient:
    """The client; raises `CallsheetError` for a database that only a user can mend."""
    from mlflow import MlflowClient

    try:
        return MlflowClient(uri)
    except Exception as error:
        place = without_secret(uri)
        if ANOTHER_VERSION.search(str(error)):
            raise CallsheetError(
                f"{place} was written by another version of MLflow: {first_line(error)} "
                "Upgrade the package, or the database: mlflow db upgrade URI."
            ) from error
        if HALF_MADE.search(str(error)):
            raise CallsheetError(
                f"{place} was never finished: two programs made it at once, or one was killed meanwhile. "
                "Move it away, or set plugins.mlflow.tracking_uri to another one."
            ) from error
        raise
