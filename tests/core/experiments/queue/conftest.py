from __future__ import annotations

from pathlib import Path

import pytest

from callsheet.experiments.arms import Arm
from callsheet.experiments.places import WORKERS
from callsheet.experiments.queue import Queue, records


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    """Three arms that wait: a, b, c."""
    made = Queue(tmp_path / "experiment")
    (made.root / WORKERS).mkdir(parents=True)
    made.make()
    for name in "abc":
        made.add(records.of(Arm(name, name, (f"x={name}",)), "digest", {"x": name}))
    return made
