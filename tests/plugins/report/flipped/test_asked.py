"""Answers side by side: prompts are told apart as verdicts tell them apart."""

import numpy
import pytest

from plugins.report.flipped.answers import asked_of
from plugins.report.scored.scores import rights


def test_each_prompt_is_a_row_and_what_was_not_asked_has_no_answer(tmp_path):
    found = asked_of(tmp_path, rights(1, 0), rights(0, 0, 1))
    assert [row.answers for row in found.rows.values()] == [["1", "0"], ["0", "0"], [None, "1"]]
    assert found.scores.tolist()[1] == [0, 0, 1] and numpy.isnan(found.scores[0, 2])
    assert found.is_right_or_wrong


def test_several_answers_to_one_prompt_stand_together_and_count_by_their_mean(tmp_path):
    said = [{"prompt": "q", "answer": str(at), "right": at == 0} for at in range(8)]
    found = asked_of(tmp_path, [*said, said[0]])
    ((row,), scores) = found.rows.values(), found.scores.tolist()
    assert row.answers == ["0\n⋯\n1\n⋯\n2\n⋯\n3\n⋯\n4 more"] and scores == [[pytest.approx(2 / 9)]]
    assert not found.is_right_or_wrong


@pytest.mark.parametrize(
    "row, prompt, target, answer",
    [
        (
            {"doc_id": 3, "doc": {"question": "2+2?"}, "target": "4", "filtered_resps": ["four"], "m": 1.0},
            "2+2?",
            "4",
            "four",
        ),
        ({"id": 7, "query": "2+2?", "gold": ["4"], "prediction": "four", "correct": True}, "2+2?", "4", "four"),
        ({"doc_hash": "abc", "score": 0.5}, "abc", "", ""),
        ({"prompt": [{"role": "user", "content": "hi"}], "right": 0}, "hi", "", ""),
    ],
)
def test_rows_of_other_engines_show_what_they_have(tmp_path, row, prompt, target, answer):
    (found,) = asked_of(tmp_path, [row]).rows.values()
    assert (found.prompt, found.target, found.answers) == (prompt, target, [answer])
