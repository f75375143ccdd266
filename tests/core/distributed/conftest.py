"""A Slurm of several nodes, for the tests of training on more than one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from slurm_cluster import missing
from slurm_cluster.nodes import Nodes, missing_network


@pytest.fixture(scope="session")
def several() -> Iterator[Nodes]:
    """It, started when the first test needs it."""
    if why := missing() or missing_network():
        pytest.skip(f"There are no nodes to test with: {why}.")
    cluster = Nodes()
    try:
        try:
            cluster.start()
        except TimeoutError as error:
            pytest.skip(f"Slurm is installed, and several nodes of it do not start here: {error}")
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def nodes(several: Nodes) -> Iterator[Nodes]:
    """It, with no job of another test in it."""
    yield several
    several.clear()
