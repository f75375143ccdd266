"""What flipped between two checkpoints: the intervals are those of verdicts."""

import random

import pytest

from callsheet.experiments.statistics import checkpoints
from callsheet_plugins.report.flipped import pairs as comparing
from callsheet_plugins.report.flipped.pairs import main_pair, pairs
from plugins.report.flipped.answers import asked_of
from plugins.report.made import make_experiment
from plugins.report.scored.scores import rights

DRAW = random.Random(0)


def drawn(share, count=40):
    return rights(*(DRAW.random() < share for _ in range(count)))


def test_flips_are_counted_and_the_interval_is_that_of_verdicts(tmp_path):
    found = asked_of(tmp_path, drawn(0.2), drawn(0.5), drawn(0.9))
    first, last = found.graded[0], found.graded[2]
    (pair,) = [pair for pair in pairs(found, "maximize", (0, 2)) if (pair.first, pair.second) == (0, 2)]
    before, after = ([answer.score for answer in each] for each in (first, last))
    both = [*zip(before, after, strict=True)]
    assert [pair.rose, pair.fell, pair.high, pair.low] == [
        both.count(each) for each in ((0, 1), (1, 0), (1, 1), (0, 0))
    ]
    assert pair.verdict == checkpoints.compared(last, first)


def test_prompts_that_one_of_both_lacks_are_not_counted(tmp_path):
    (pair,) = pairs(asked_of(tmp_path, rights(1, 0, 1), rights(1, 1)), "maximize", (0, 1))
    assert (pair.rose, pair.fell, pair.high, pair.low) == (1, 0, 1, 0)
    assert pair.verdict.why == "2 prompts in common, and 10 are needed"


def test_only_so_many_are_compared_the_main_one_and_neighbours_first(tmp_path, monkeypatch):
    monkeypatch.setattr(comparing, "MOST_ANSWERS", 4 * 2 * 40)
    found = asked_of(tmp_path, *(drawn(0.5) for _ in range(4)))
    every = pairs(found, "maximize", (3, 1))
    assert len(every) == 6
    judged = {(pair.first, pair.second) for pair in every if pair.verdict}
    assert judged == {(1, 3), (0, 1), (1, 2), (2, 3)}


def test_of_one_run_its_first_and_last_checkpoint_are_shown_at_first(tmp_path):
    assert main_pair(asked_of(tmp_path, *(rights(1) for _ in range(3))).columns, {}) == (0, 2)
    assert main_pair(asked_of(tmp_path / "one", rights(1)).columns, {}) == (0, 0)


@pytest.mark.parametrize("baseline", ["plain", "bema"])
def test_of_an_experiment_it_is_the_baseline_and_another_arm_of_its_seed(tmp_path, baseline):
    from callsheet_plugins.report.flipped.columns import columns
    from callsheet_plugins.report.gathered import gather
    from callsheet_plugins.report.scored.answered import Answers
    from callsheet_plugins.report.scored.metrics import indexed

    folder = make_experiment(tmp_path / "exp", seeds=2)
    (found,) = indexed(gather([folder])).values()
    shown, _ = columns(found, "maximize", Answers())
    first, second = (shown[at].label for at in main_pair(shown, {baseline: None, "x": None}))
    other = {"plain": "bema", "bema": "plain"}[baseline]
    assert (first, second) == (f"{baseline}-seed-0, step 100", f"{other}-seed-0, step 100")
