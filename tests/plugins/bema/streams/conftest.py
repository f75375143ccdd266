"""Streams as late as a slow GPU may be, for machines without one."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "engines" / "witness"))
import callsheet_late
from callsheet_late import LateLanes

from callsheet_plugins.bema import placing
from callsheet_plugins.bema.streams import streamed


@pytest.fixture
def late(monkeypatch):
    """Every weight is streamed, over these lanes."""
    monkeypatch.setattr(LateLanes, "made", [])
    for place, name in ((streamed, "Lanes"), (placing, "on_gpus"), (placing, "decide"), (placing, "say_if_not_pinned")):
        monkeypatch.setattr(place, name, getattr(place, name))  # put back, at the end, what is there now
    callsheet_late.install()
    return LateLanes.made
