"""A server that takes connections and never answers, and a database that MLflow takes seconds to make."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugins.trackers.made import tracked


@pytest.fixture
def silent_server() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture(scope="session")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables, and one run; tests copy it."""
    from callsheet_plugins.trackers.mlflow import Mlflow

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(path.parent)
        Mlflow(tracking_uri=f"sqlite:///{path}", experiment_name="made").open(tracked(path.parent, name="first"))
    return path
