"""Which checkpoints are shown beside each other."""

import pytest

from callsheet_plugins.report.flipped import columns as choosing
from callsheet_plugins.report.flipped.columns import columns
from callsheet_plugins.report.gathered import Report
from callsheet_plugins.report.scored.answered import Answers
from callsheet_plugins.report.scored.metrics import indexed
from plugins.report.scored.scores import rights, scored_run


def columns_of(tmp_path, *runs):
    (found,) = indexed(Report("x", tmp_path, runs)).values()
    return columns(found, "maximize", Answers())


def steps(value_by_step):
    return [("t", {"m": value}, step, rights(1)) for step, value in value_by_step.items()]


def test_a_checkpoint_is_called_by_its_step_and_by_its_run_only_where_there_are_several(tmp_path):
    rows = [
        ("t", {"m": 1.0}, 1, rights(1)),
        ("t", {"m": 1.0}, 1, rights(1), "bema"),
        ("t", {"m": 1.0}, None, rights(1)),
    ]
    run = scored_run(tmp_path / "a", rows, "a")
    assert [column.label for column in columns_of(tmp_path, run)[0]] == ["no step", "step 1", "step 1 (bema weights)"]
    other = scored_run(tmp_path / "b", steps({2: 1.0}), "b")
    assert [column.label for column in columns_of(tmp_path, run, other)[0]][-1] == "b, step 2"


@pytest.mark.parametrize("most, kept", [(1, [5]), (2, [0, 5]), (3, [0, 2, 5]), (4, [0, 2, 4, 5])])
def test_the_last_first_and_best_are_kept_and_then_the_newest(tmp_path, monkeypatch, most, kept):
    monkeypatch.setattr(choosing, "MOST", most)
    found, of = columns_of(
        tmp_path, scored_run(tmp_path / "a", steps({0: 0.1, 1: 0.2, 2: 0.9, 3: 0.3, 4: 0.4, 5: 0.5}))
    )
    assert ([column.score.step for column in found], of) == (kept, 6)


def test_of_several_runs_each_has_its_last_before_one_has_its_first(tmp_path, monkeypatch):
    monkeypatch.setattr(choosing, "MOST", 3)
    runs = [scored_run(tmp_path / name, steps({1: 0.1, 2: 0.2}), name) for name in "ab"]
    found, _ = columns_of(tmp_path, *runs)
    assert [column.label for column in found] == ["a, step 1", "a, step 2", "b, step 2"]


def test_scores_without_answers_are_no_columns(tmp_path):
    run = scored_run(tmp_path / "a", [("t", {"m": 1.0}, 1), ("t", {"m": 1.0}, 2, []), ("t", {"m": 1.0}, 3, rights(1))])
    assert [column.label for column in columns_of(tmp_path, run)[0]] == ["step 3"]
