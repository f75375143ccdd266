"""What needs a GPU stays in order where there is none: its tests can be collected, and its script says what is missing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLIND = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTHON": sys.executable}


def run(*command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, env={**BLIND, **settings}, capture_output=True, text=True)


def test_the_script_says_in_a_sentence_that_there_is_no_gpu() -> None:
    done = run(str(ROOT / "bench" / "gpu.sh"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("bench/gpu.sh needs a CUDA GPU") and done.stderr.count("\n") == 1


def test_the_script_knows_its_benchmarks() -> None:
    done = run(str(ROOT / "bench" / "gpu.sh"), "bench", "every_stop")
    assert done.returncode == 2 and "There are: averages, every_step, hosting, ref_sync." in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("device", "collected"), [("", False), ("cuda", True)])
def test_the_tests_are_collected_only_where_there_is_a_gpu(device: str, collected: bool) -> None:
    how = (
        sys.executable,
        "-m",
        "pytest",
        "-o",
        "addopts=",
        "-q",
        "-p",
        "no:cacheprovider",
        "--collect-only",
        "tests/gpu",
    )
    done = run(*how, CALLSHEET_TESTS_DEVICE=device)
    assert ("test_ref_sync" in done.stdout) is collected, done.stdout
    assert not re.search(r"\berrors?\b", done.stdout, re.IGNORECASE), done.stdout
