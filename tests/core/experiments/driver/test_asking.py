"""What `--add-repeats` asks for, the first time and when it is typed again after a kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from callsheet import CallsheetError
from callsheet.config.experiment import ExperimentSettings
from callsheet.experiments.driver.asking import with_repeats
from callsheet.experiments.driver.record import Command, Record
from callsheet.experiments.places import DONE
from callsheet.experiments.queue import Entry, Queue

TWO = ExperimentSettings(repeats=2)


def begun(folder: Path, repeats: int, *, over: int, queued: int) -> Record:
    """An experiment of one arm with `repeats`, of which so many runs are over, and so many in the queue."""
    queue = Queue(folder)
    queue.make()
    for seed in range(queued):
        queue.add(Entry(f"a__s{seed}", "a", seed=seed))
        if seed < over and (claim := queue.claim(f"a__s{seed}", "w", 1)):
            queue.settle(claim, Entry(f"a__s{seed}", "a", seed=seed), DONE)
    arms = [{"name": f"a__s{seed}", "seed": seed} for seed in range(repeats)]
    return Record("mine", Command(), {"repeats": repeats}, arms=arms)


@pytest.mark.parametrize("over", [0, 1, 2])
def test_repeats_are_added_to_an_experiment_whether_its_own_are_over_or_not(tmp_path: Path, over: int):
    assert with_repeats(TWO, begun(tmp_path, 2, over=over, queued=2), 3, tmp_path).repeats == 5


def test_repeats_are_added_once_more_when_those_that_were_added_are_over(tmp_path: Path):
    assert with_repeats(TWO, begun(tmp_path, 5, over=5, queued=5), 3, tmp_path).repeats == 8


@pytest.mark.parametrize("queued", [2, 4, 5])
def test_the_same_command_after_a_kill_does_not_add_again(tmp_path: Path, queued: int):
    before = begun(tmp_path, 5, over=2, queued=queued)
    with pytest.raises(CallsheetError, match=r"repeats were added before, and 3 arms of .* are not over"):
        with_repeats(TWO, before, 3, tmp_path)
    assert with_repeats(TWO, before, 0, tmp_path).repeats == 5
