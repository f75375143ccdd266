"""A run on the GPU that was killed and resumed equals one that was not, bit for bit."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from runs import same

from gpu.engines import STEPS, started
from gpu.training import formed, identical, running

KILLED = ("+plugins=trouble", "plugins.trouble.how=kill", "plugins.trouble.rank=0", "plugins.trouble.step=5")
DETERMINISTIC = "trainer.args.full_determinism=true"


@pytest.mark.parametrize("launch", ["single", "zero3", "fsdp2"])
def test_a_run_that_was_killed_equals_one_that_was_not(tmp_path: Path, launch: str) -> None:
    whole = started(tmp_path / "whole", launch, DETERMINISTIC)
    killed = started(tmp_path / "killed", launch, DETERMINISTIC, *KILLED)
    killed.wait(-signal.SIGKILL if launch == "single" else 1)
    whole.wait()
    again = started(tmp_path / "killed", launch, DETERMINISTIC).wait()
    assert [event["step"] for event in again.events("resuming")] == [4]
    assert same(again.weights(), whole.weights()), "the weights that trained"
    assert identical(running(again.path, STEPS), running(whole.path, STEPS))
    assert identical(formed(again.path), formed(whole.path))
