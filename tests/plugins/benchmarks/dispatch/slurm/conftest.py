"""Attempts at benchmark jobs, as the outbox's handler makes them, and a quick look at what becomes of them."""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest
from waiting import PATIENCE

from callsheet_plugins.benchmarks.dispatch.contract import Attempt
from callsheet_plugins.benchmarks.dispatch.slurm.dispatcher import Slurm
from callsheet_plugins.benchmarks.dispatch.slurm.settings import SlurmSettings


@pytest.fixture
def place(slurm, monkeypatch):
    """The dispatcher of one courier; `place()` again is that of the next. It looks more often than in earnest."""
    monkeypatch.setattr("callsheet_plugins.benchmarks.dispatch.slurm.queue.FRESH_SECONDS", 0.1)
    monkeypatch.setattr("callsheet_plugins.benchmarks.dispatch.slurm.watch.MOMENT_SECONDS", 0.1)
    monkeypatch.setattr("callsheet_plugins.benchmarks.dispatch.slurm.queue.UNREACHABLE_SECONDS", 0.1)
    monkeypatch.setattr("callsheet_plugins.benchmarks.dispatch.slurm.dispatcher.LATE_SECONDS", 0.5)

    def make(**settings):
        return Slurm(Path(), asdict(SlurmSettings(**{"grace_seconds": 1, "mem": "100M", "cpus": 1, **settings})))

    return make


@pytest.fixture
def attempt(tmp_path):
    """Make an attempt that runs a piece of Python."""

    def make(code, *arguments, name="job-1", seconds=None, gpus=0, **command):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        argv = [sys.executable, "-c", code, *arguments]
        (folder / "command.json").write_text(json.dumps({"argv": argv, "env": {}, "seconds": seconds, **command}))
        return Attempt(folder, name, gpus, seconds)

    return make


@pytest.fixture
def until():
    """Look until it is in one of these states, and say what was seen."""

    def wait(place, attempt, handle, *states):
        deadline = time.monotonic() + PATIENCE
        while (seen := place.look(attempt, handle)).state not in states:
            assert time.monotonic() < deadline, f"still {seen}: {said(attempt)}"
            time.sleep(0.05)
        return seen

    return wait


def said(attempt):
    return {path.name: path.read_text() for path in attempt.folder.glob("*.*") if path.name != "runner.py"}
