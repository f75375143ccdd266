"""A run directory is damaged at random, two thousand times; `tests/damage` says how, and how to do one of them again.

What may come of it: the command does its work with what is whole, or says in a sentence what is wrong. What may not: a
traceback, a hang, a page of output, a change outside of the run directory, or the loss of what was not damaged.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from damage import pristine
from damage.box import remove
from waiting import PATIENCE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform != "linux", reason="orphans are adopted, and capabilities given up, on Linux alone"
    ),
]

HERE = Path(__file__).parent
SEED = 20261127
WORKERS = 3
CASES = 40  # of each; a case has 1.6 damages
NOT_YET = "traceback,code,screen,open,hung,courier,outside"  # what is being mended


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    """Processes that do their share of the cases side by side: a drain is mostly spent waiting."""
    folder = tmp_path_factory.mktemp("damage")
    pristine.make(folder / "made")
    started = [_start(folder, number) for number in range(WORKERS)]
    yield started
    for process in started:
        process.kill()
        process.wait()
    remove(folder)


def _start(folder, number):
    options = [
        f"--seed={SEED}",
        f"--first={number * CASES}",
        f"--count={CASES}",
        f"--deadline={PATIENCE / 12}",
        f"--passing={NOT_YET}",
    ]
    command = [sys.executable, "-m", "damage", *options, f"--made={folder / 'made'}", f"--folder={folder}"]
    with (folder / f"{number}.txt").open("w") as out:
        process = subprocess.Popen(command, cwd=HERE, stdout=out, stderr=subprocess.STDOUT, env=dict(os.environ))
    process.out = folder / f"{number}.txt"
    return process


@pytest.mark.parametrize("number", range(WORKERS))
def test_a_damaged_run_is_listed_resumed_drained_and_scored_without_harm(workers, number):
    code = workers[number].wait(PATIENCE)
    assert code in (0, 1), workers[number].out.read_text()
    *wrong, counted = workers[number].out.read_text().splitlines() or [""]
    assert not wrong, "\n\n".join(wrong[:5])
    found = json.loads(counted)
    assert found["cases"] == found["survived"] == CASES and code == 0
