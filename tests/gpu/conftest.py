"""What needs a GPU, and only that: `bench/gpu.sh suite` runs it. tests/device.py says how to try it without one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from device import device

# cuBLAS reads it once, and is deterministic only with it.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark all tests here, and leave out those that this machine cannot even try: without a GPU, all that is not asked for."""
    ours = [item for item in items if HERE in item.path.parents]
    left_out = [item for item in ours if device() != "cuda" and (not device() or item.get_closest_marker("gpu"))]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    for item in ours:
        item.add_marker(pytest.mark.gpu)


@pytest.fixture(autouse=True, scope="module")
def cold() -> Iterator[None]:
    """A process with CUDA cannot be forked: commands start from nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CALLSHEET_TESTS_COLD", "1")
        yield


@pytest.fixture
def deterministic() -> Iterator[None]:
    """Two runs of one training have the same bits."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    yield
    torch.use_deterministic_algorithms(False)
