"""The answers behind scores: which field is the score, and how much is read."""

import pytest

from callsheet_plugins.report.gathered import Report
from callsheet_plugins.report.scored import answered
from callsheet_plugins.report.scored.answered import GONE, NO_SCORES, NONE_KEPT, TOO_MANY, Answers
from callsheet_plugins.report.scored.lines import lines
from callsheet_plugins.report.scored.metrics import indexed
from plugins.report.scored.scores import rights, scored_run

ROW = {"doc_id": 3, "doc": {"question": "2+2?"}, "filtered_resps": ["4"], "target": "4"}


@pytest.mark.parametrize(
    "metric, row, score",
    [
        ("acc", {**ROW, "acc": 1.0, "f1": 0.5}, 1.0),
        ("exact_match,strict-match", {**ROW, "exact_match": 0.0}, 0.0),
        ("whatever", {"prompt": "q", "right": True}, 1.0),
        ("mmlu_law/acc", {**ROW, "task": "mmlu_law", "acc": 1.0}, 1.0),
        ("mmlu_law/acc", {**ROW, "task": "mmlu_art", "acc": 1.0}, None),
        ("acc", ROW, None),
        ("acc", {**ROW, "acc": float("nan")}, None),
    ],
)
def test_the_score_is_the_field_of_the_metric_or_what_others_call_it(tmp_path, metric, row, score):
    run = scored_run(tmp_path / "a", [("t", {metric: 0.5}, 1, [row])])
    assert [answer.score for answer in Answers().graded(run, run.scores[0])] == ([] if score is None else [score])


def test_of_several_filters_each_metric_has_the_answers_of_its_own(tmp_path):
    rows = [{**ROW, "filter": name, "exact_match": score} for name, score in (("strict", 0.0), ("flexible", 1.0))]
    metrics = {"exact_match,strict": 0.0, "exact_match,flexible": 1.0}
    run = scored_run(tmp_path / "a", [("t", metrics, 1, rows)])
    assert [[answer.score for answer in Answers().graded(run, score)] for score in run.scores] == [[0.0], [1.0]]


def test_why_there_are_none(tmp_path):
    rows = [("a", {"m": 1.0}, 1), ("b", {"m": 1.0}, 1, rights(1)), ("c", {"m": 1.0}, 1, [{"prompt": "q"}])]
    run = scored_run(tmp_path / "a", rows)
    (tmp_path / "a" / "predictions" / "1.jsonl").unlink()
    assert [Answers().sure(run, score).why for score in run.scores] == [NONE_KEPT, GONE, NO_SCORES]


def test_only_so_many_are_read_and_those_that_were_asked_for_first(tmp_path):
    run = scored_run(tmp_path / "a", [("t", {"m": 1.0}, step, rights(*[1] * 20)) for step in (1, 2, 3)])
    first, second, third = run.scores
    found = Answers(most=(tmp_path / "a" / third.predictions).stat().st_size + 10)
    assert [found.why(run, score) for score in (third, first, second, third)] == ["", TOO_MANY, TOO_MANY, ""]


def test_only_so_many_files_are_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(answered, "MOST_FILES", 1)
    run = scored_run(tmp_path / "a", [("t", {"m": 1.0}, step, rights(1)) for step in (1, 2)])
    found = Answers()
    assert [found.why(run, score) for score in run.scores] == ["", TOO_MANY]


def test_of_very_many_answers_the_last_of_each_run_are_read_first(tmp_path, monkeypatch):
    rows = [("t", {"m": 0.5}, step, rights(*[1, 0] * 10)) for step in (1, 2, 3)]
    runs = [scored_run(tmp_path / name, rows, name) for name in "ab"]
    (found,) = indexed(Report("x", tmp_path, runs)).values()
    one, other = lines(found, Answers(_left=3 * 20).sure)
    assert [point.low is not None for point in (*one.points, *other.points)] == [True, False, True, False, False, True]
