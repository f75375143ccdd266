"""What a launch cannot have here: devices, cores, processes. No torch."""

import os
import subprocess
import sys

import pytest
from waiting import PATIENCE

from core.launch.conftest import problems


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["launch=ddp"], "launch=ddp needs launch.processes on a machine without GPUs."),
        (
            ["launch=fsdp2", "launch.processes=2"],
            "launch=fsdp2 needs a GPU: on CPUs accelerate would silently run plain DDP",
        ),
        (["launch.processes=2"], "launch=single is one process, and 2 are asked for. Choose launch=ddp"),
        (["launch=ddp", "launch.processes=2", "launch.config.x=1"], "launch=ddp uses neither"),
        (["launch=zero2", "launch.processes=2", "trainer.args.deepspeed=x.json"], "both choose the engine"),
        (["launch=zero2", "launch.processes=2", "launch.config.optimizer.type=Adam"], "choose the optimizer with"),
    ],
)
def test_a_launch_that_cannot_be_is_refused(overrides, message):
    said, _ = problems(*overrides)
    assert message in "\n".join(said)


def test_more_processes_than_gpus_are_refused_and_more_than_cores_are_unwise(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    on_gpus = ["launch=ddp", "launch.processes=3", "trainer.args.use_cpu=false"]
    assert problems(*on_gpus)[0] == [
        "launch.processes=3 asks for more processes than this machine has GPUs (2)."
    ]  # fmt: skip
    said, warned = problems("launch=ddp", "launch.processes=999")
    assert not said and "launch.processes=999 share" in warned[0]


def test_the_checks_of_the_driver_import_no_torch():
    code = """
import sys
from callsheet.cli.main import cli
for launch in ("ddp", "zero3", "fsdp2"):
    settings = [f"launch={launch}", "launch.processes=2", "trainer.args.use_cpu=false"]
    cli.main(["check", "recipe=demo", *settings], standalone_mode=False)
print(*[name for name in ("torch", "transformers", "deepspeed", "accelerate") if name in sys.modules])
"""
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "0,1"}  # fsdp2 needs GPUs
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == ""
