"""What travels in the page: each text once, and only so many."""

import json

import pytest

from callsheet_plugins.report.flipped.carried import carried
from callsheet_plugins.report.page.figure_json import in_a_script
from plugins.report.flipped.answers import asked_of
from plugins.report.scored.scores import rights


def said(*texts, right=True):
    return [{"prompt": f"q{at}", "answer": text, "right": right} for at, text in enumerate(texts)]


def test_a_text_that_several_checkpoints_gave_is_there_once(tmp_path):
    found = asked_of(tmp_path, said("a", "b"), said("a", "c", right=False), said("b"))
    assert carried(found, (0, 2), [2, 1, 0], 10_000).rows == [
        ["q0", "", ["a", "b"], "001", "101"],
        ["q1", "", ["b", "c"], "01-", "10-"],
    ]


def test_where_there_is_no_room_the_main_pair_and_flips_stay(tmp_path):
    same, other = "x" * 100, "y" * 100
    found = asked_of(
        tmp_path, said(same, same), said("z" * 100, "z" * 100), [*said(same), *said("", other, right=False)[1:]]
    )
    taken = carried(found, (0, 2), [2, 1, 0], 300)
    assert (taken.rows, taken.prompts_left_out) == ([["q1", "", [same, other], "0~1", "110"]], 1)
    assert taken.answers_left_out == 1
    everything = carried(found, (0, 2), [2, 1, 0], 10_000)
    assert (everything.prompts_left_out, everything.answers_left_out) == (0, 0)


@pytest.mark.parametrize("text", ["word " * 200, "<b>" * 300, "é" * 700, "\x1b[31m\u202e" * 100, "\ud800" * 800])
def test_it_takes_no_more_bytes_than_it_may(tmp_path, text):
    found = asked_of(tmp_path, *([*rights(*[1] * 100, answer=f"{text}{step}")] for step in range(6)))
    for row in (rows := carried(found, (0, 5), [5, 4, 3, 2, 1, 0], 50_000).rows):
        assert len(row[3]) == len(row[4]) == 6
    assert rows and 30_000 < len(in_a_script(rows)) < 52_000


def test_scores_that_are_no_right_or_wrong_stay_numbers(tmp_path):
    rows = [{"prompt": "q", "answer": "a", "score": 0.123456}]
    taken = carried(asked_of(tmp_path, rows, [{"prompt": "other", "score": 3}]), (0, 1), [1, 0], 10_000)
    assert json.loads(in_a_script(taken.rows)) == [
        ["q", "", ["a"], "0-", [0.1235, None]],
        ["other", "", [""], "-0", [None, 3.0]],
    ]
