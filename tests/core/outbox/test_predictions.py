"""Predictions are a list that is read when it is first looked into."""

import copy
import json
import pickle

import pytest

from callsheet.outbox.predictions import Predictions
from callsheet.rundir.rundir import RunDir

ROWS = [{"answer": "a"}, {"answer": "b"}]


@pytest.fixture
def fresh(tmp_path):
    (tmp_path / "left.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return lambda: Predictions(RunDir(tmp_path, is_main=False), "left.jsonl")


@pytest.mark.parametrize(
    "look",
    [
        *(json.dumps, lambda rows: json.dumps(rows, indent=1), list, tuple, len, repr, lambda rows: sorted(rows, key=str)),
        *(lambda rows: [*rows], lambda rows: rows[1:], lambda rows: rows[-1], lambda rows: rows + ROWS, lambda rows: ROWS + rows),
        *(lambda rows: rows == ROWS, lambda rows: ROWS[0] in rows, lambda rows: rows.index(ROWS[1])),
        *(copy.copy, copy.deepcopy, lambda rows: pickle.loads(pickle.dumps(rows)), lambda rows: rows * 2, lambda rows: [*reversed(rows)]),
        *(lambda rows: rows.copy(), lambda rows: list(map(str, rows)), lambda rows: [*zip(rows, rows, strict=True)], bool),
    ],
)  # fmt: skip
def test_it_is_what_a_list_of_the_same_rows_is(fresh, look):
    assert look(fresh()) == look([*ROWS])
    assert isinstance(fresh(), list)


def test_asking_whether_there_are_any_reads_none(fresh, tmp_path):
    rows = fresh()
    assert rows and not rows._is_read
    (tmp_path / "left.jsonl").unlink()
    assert not rows and json.dumps(rows) == "[]"
