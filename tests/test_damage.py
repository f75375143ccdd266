"""A run directory is damaged at random, two thousand times; `tests/damage` says how, and how to do one of them again.

What may come of it: the command does its work with what is whole, or says in a sentence what is wrong. What may not: a
traceback, a hang, a page of output, a change outside of the run directory, or the loss of what was not damaged.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from damage import pristine, training
from damage.box import Box, Image, remove
from damage.trial import Case
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
CASES = 430  # of each; a case has 1.6 damages
PARTS = 10
EVERY = 5  # cases, a worker says how far it is
TRAININGS = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where a run lies that is to be damaged."""
    folder = tmp_path_factory.mktemp("damage")
    pristine.make(folder / "made")
    yield folder
    remove(folder)


@pytest.fixture(scope="module", autouse=True)
def workers(folder):
    """Processes that do their share of the cases side by side, and beside the first tests: a drain mostly waits."""
    started = [_start(folder, number) for number in range(WORKERS)]
    yield started
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def box(folder):
    return Box(folder / "box", Image(folder / "made" / "run"), folder / "made")


def _start(folder, number):
    options = [
        f"--seed={SEED}",
        f"--first={number * CASES}",
        f"--count={CASES}",
        f"--every={EVERY}",
        f"--deadline={PATIENCE / 4}",
    ]
    command = [sys.executable, "-m", "damage", *options, f"--made={folder / 'made'}", f"--folder={folder}"]
    with (folder / f"{number}.txt").open("w") as out:
        process = subprocess.Popen(command, cwd=HERE, stdout=out, stderr=subprocess.STDOUT, env=dict(os.environ))
    process.out = folder / f"{number}.txt"
    return process


@pytest.mark.parametrize("number", range(TRAININGS))
def test_a_run_trains_from_a_damaged_checkpoint_or_says_what_is_wrong_with_it(box, number):
    [case] = training.cases(SEED, range(number, number + 1), box.image)
    verdict = training.judge(case, box, PATIENCE)
    assert not verdict.wrong, f"{case.line()}\n{verdict}"


@pytest.mark.parametrize(
    ("name", "filling", "said"),
    [
        ("optimizer.pt", "archive", "its optimizer or scheduler cannot be loaded"),
        ("callsheet/_trainer/state-00000.pt", "archive", "its memory of the trainer (callsheet/_trainer) cannot be"),
        ("callsheet/plugins.json", "json_list", "plugins.json: it is a list, an object is needed"),
    ],
)
def test_what_of_a_checkpoint_cannot_be_loaded_is_named(box, name, filling, said):
    damages = [["unlist", "checkpoints.jsonl"], ["fill", f"checkpoint-6/{name}", filling]]
    verdict = training.judge(Case(damages, [training.NAME]), box, PATIENCE)
    assert verdict.codes == {training.NAME: 2} and not verdict.wrong
    assert said in (box.said / training.NAME).read_text()


@pytest.mark.timeout(3000)  # it waits for as long as the worker goes on, on a machine of any speed
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("number", range(WORKERS))
def test_a_damaged_run_is_listed_resumed_drained_and_scored_without_harm(workers, number, part):
    worker, due = workers[number], (part + 1) * CASES // PARTS
    _wait_for(worker, due)
    wrong = [line for line in worker.out.read_text().splitlines() if '"again"' in line]
    assert not wrong, "\n\n".join(wrong[:5])
    assert _done(worker) >= due, worker.out.read_text()


def _wait_for(worker, due):
    """Until the worker has done so many cases; not while it does `EVERY` of them in less than `PATIENCE`."""
    seen, end = -1, 0.0
    while (done := _done(worker)) < due and worker.poll() is None:
        if done > seen:
            seen, end = done, time.monotonic() + PATIENCE
        assert time.monotonic() < end, f"{done} cases, and no more in {PATIENCE:g} seconds"
        time.sleep(0.1)


def _done(worker):
    """How many cases a worker has done."""
    lines = [json.loads(line) for line in worker.out.read_text().splitlines() if line.startswith('{"seed"')]
    return lines[-1]["cases"] if lines else 0
