"""Scores of a run: of each key the last row, in the order in which they came."""

import math

from callsheet.disk.inside import Inside
from callsheet_plugins.report.reading.scores import scores

from ..made import BEGAN, at, eval_row, write_rows


def read(folder, *rows):
    write_rows(folder / "evals.jsonl", rows)
    said = []
    return scores(Inside(folder), said.append), said


def test_of_two_rows_of_one_benchmark_weights_and_step_the_last_counts(tmp_path):
    first, other, again = (eval_row("test", {"acc": value}, step, None, None, at(step)) for value, step in VALUES)
    found, said = read(tmp_path, first, other, {**again, "time": at(9)}, {**first, "weights": "bema"})
    assert [(one.step, one.value, one.weights, one.time) for one in found] == [
        (100, 0.6, "raw", BEGAN + 100),
        (50, 0.7, "raw", BEGAN + 9),
        (50, 0.5, "bema", BEGAN + 50),
    ]
    assert said == []


VALUES = ((0.5, 50), (0.6, 100), (0.7, 50))


def test_each_metric_is_a_score_and_what_is_no_number_is_none(tmp_path):
    metrics = {"acc": 1, "null": None, "text": "0.5", "other": "high", "list": [1]}
    found, _ = read(tmp_path, eval_row("test", metrics, None, "c" * 40, "predictions/p.jsonl", "soon"))
    assert [(one.metric, one.value) for one in found if one.metric != "null"] == [("acc", 1.0), ("text", 0.5)]
    assert math.isnan(found[1].value)
    assert (found[0].step, found[0].time, found[0].commit, found[0].predictions) == (
        None,
        None,
        "c" * 40,
        "predictions/p.jsonl",
    )


def test_weights_stand_in_a_row_or_in_its_tags_and_are_raw_otherwise(tmp_path):
    row = eval_row("test", {"acc": 0.5}, 50, None, None, at(0))
    del row["weights"]
    found, _ = read(tmp_path, {**row, "tags": {}}, {**row, "tags": {"weights": "ema"}}, {**row, "tags": 5, "step": "x"})
    assert [(one.weights, one.step) for one in found] == [("raw", 50), ("ema", 50), ("raw", None)]


def test_rows_that_are_no_scores_are_counted(tmp_path):
    found, said = read(tmp_path, {"name": 5, "metrics": {}}, {"name": "x"}, {"metrics": {"a": 1}})
    assert (found, said) == ([], ["evals.jsonl: 3 lines are no rows, and were left out."])
