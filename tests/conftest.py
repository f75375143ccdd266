"""What the tests of the host share: a small run of the demo, inside this process or as a command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")

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

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def callsheet(tmp_path: Path) -> Command:
    """Run `callsheet` as a user would, in an empty folder."""

    def run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "callsheet", *arguments]
        environment = {**os.environ, "COLUMNS": "200", **options.pop("env", {})}  # type: ignore[dict-item]
        return subprocess.run(
            command, cwd=options.pop("cwd", tmp_path), env=environment, capture_output=True, text=True, timeout=300
        )

    return run
