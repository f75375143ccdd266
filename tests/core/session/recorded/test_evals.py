"""Scores of a run, read back: the last of each counts, damage costs its own line, and a huge file is no trouble."""

import json
import logging

import pytest

from callsheet.rundir.rundir import RunDir
from callsheet.session.recorded import evals
from callsheet.session.recorded.evals import evals_of


def row(step, value, name="test", weights="raw", **more):
    return {"name": name, "metrics": {"accuracy": value}, "step": step, "weights": weights, "tags": {}, **more}


def written(folder, *rows):
    (folder / "evals.jsonl").write_text(
        "".join(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in rows)
    )
    return RunDir(folder, is_main=False)


def test_of_two_scores_of_one_step_the_last_counts(tmp_path):
    found = evals_of(written(tmp_path, row(2, 0.1), row(4, 0.2), row(2, 0.3), row(2, 0.4, weights="bema")))
    assert [(each.step, each.tags["weights"], each.metrics["accuracy"]) for each in found] == [
        (4, "raw", 0.2),
        (2, "raw", 0.3),
        (2, "bema", 0.4),
    ]


def test_null_is_nan_and_text_of_0_1_is_a_number(tmp_path):
    old = {"name": "test", "metrics": {"a": None, "b": "0.5", "c": "none"}, "step": None, "tags": {"weights": "bema"}}
    (found,) = evals_of(written(tmp_path, old))
    assert str(found.metrics) == "{'a': nan, 'b': 0.5}" and found.tags == {"weights": "bema"}


def test_a_damaged_line_costs_that_line(tmp_path, caplog):
    odd = [
        row(4, 0.2, breakdowns=7, eval_seconds="x", benchmark_id=3, commit=[]),
        {"name": "test", "metrics": 3, "step": 1},
    ]
    with caplog.at_level(logging.WARNING):
        found = evals_of(written(tmp_path, "[]", row(2, 0.1), *odd, '{"name": "te'))
    assert [each.step for each in found] == [2, 4]
    assert "evals.jsonl line 1" in caplog.text


def test_no_file_is_no_score(tmp_path):
    assert evals_of(RunDir(tmp_path, is_main=False)) == []


def test_of_a_huge_file_the_last_score_of_each_benchmark_is_there_however_old(tmp_path, monkeypatch):
    monkeypatch.setattr(evals, "LARGE", 1000)
    monkeypatch.setattr(evals, "MOST", 50)
    many = [row(step, step / 1e4, name="often") for step in range(3000)]
    found = evals_of(written(tmp_path, row(9, 0.9, name="once"), row(5, 0.5, name="once"), "{", *many))
    assert (found[0].name, found[0].step, found[-1].step) == ("once", 9, 2999)
    assert len(found) == 51


@pytest.mark.parametrize("line", ['{"name": "test", "metrics": {}, "step": "3"}', '{"name": ' + "[" * 5000, "\0\0"])
def test_a_huge_file_may_be_damaged_too(tmp_path, monkeypatch, line):
    monkeypatch.setattr(evals, "LARGE", 10)
    assert [each.step for each in evals_of(written(tmp_path, line, row(2, 0.1), line))] == [2]
