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
from damage import pristine, training
from damage.box import Box, Image, remove
from damage.trial import Case
from waiting import PATIENCE, wait_until

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
PARTS = 10  # each of which may take as long as a test may
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
        f"--every={CASES // PARTS}",
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


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("number", range(WORKERS))
def test_a_damaged_run_is_listed_resumed_drained_and_scored_without_harm(workers, number, part):
    worker = workers[number]
    wait_until(lambda: len(_counts(worker)) > part or worker.poll() is not None)
    wrong = [line for line in worker.out.read_text().splitlines() if '"again"' in line]
    assert not wrong, "\n\n".join(wrong[:5])
    assert len(_counts(worker)) > part, worker.out.read_text()
    assert _counts(worker)[part]["cases"] == (part + 1) * CASES // PARTS


def _counts(worker):
    """What a worker has said after each part of its cases."""
    return [json.loads(line) for line in worker.out.read_text().splitlines() if line.startswith('{"seed"')]
