"""What the tests of the host share: a small run of the demo, inside this process or as a command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import warm
from device import device
from order import place
from slurm_cluster import Cluster, missing
from waiting import PATIENCE

from callsheet.process.machine import cores

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Where this is set, each process of a fresh environment would compile torch and TRL anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

SMALL = [
    "recipe=demo",
    "trainer.args.max_steps=12",
    "trainer.args.save_steps=4",
    "trainer.args.eval_steps=6",
    "trainer.args.logging_steps=2",
    "trainer.args.save_total_limit=null",
    "trainer.args.per_device_train_batch_size=4",
    "plugins.benchmarks.benchmarks=[]",  # each would be a process of seconds
    "+plugins.exact_match.limit=20",
]
QUIET = [*SMALL[:-2], "plugins=[]"]

HERE = Path(__file__).parent
collect_ignore = ["fixtures"]  # the tests of a package there run in an environment that has it
if not device():
    collect_ignore.append("gpu")  # `bench/gpu.sh` runs them, where there is one

Command = Callable[..., "subprocess.CompletedProcess[str]"]


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One process more than cores: for a third of their time, the tests wait for servers, signals and Slurm."""
    return cores() + 1


@cache
def began_with() -> dict[str, str]:
    """The environment as it was before the first test."""
    return dict(os.environ)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """After a file, the environment is as it was: what libraries set in it would make later commands start cold."""
    before = began_with()
    try:
        return (yield)
    finally:
        if nextitem is None or nextitem.path != item.path:
            os.environ.clear()
            os.environ.update(before)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: place(item.path.relative_to(HERE)))


@pytest.fixture
def callsheet(tmp_path: Path) -> Command:
    """Run `callsheet` as a user would, in an empty folder."""

    def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "callsheet", *arguments]
        environment = {**os.environ, "COLUMNS": "200", **options.pop("env", {})}
        where = {"cwd": tmp_path, "env": environment, **options}
        workers = "-m" in arguments or any(item.startswith(("launch=", "experiment=")) for item in arguments)
        return warm.run(command, workers=workers, capture_output=True, text=True, timeout=PATIENCE, **where)

    return run


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A Slurm of one node, started when the first test needs it."""
    if why := missing():
        pytest.skip(f"There is no Slurm to test with: {why}.")
    cluster = Cluster()
    try:
        try:
            cluster.start()
        except TimeoutError as error:
            pytest.skip(f"Slurm is installed, and does not start here: {error}")
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def slurm(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """It, for one test: the commands of Slurm find it, and no job of another test is in it."""
    monkeypatch.setenv("SLURM_CONF", cluster.env["SLURM_CONF"])
    yield cluster
    cluster.clear()
