"""Predictions are written up to a stated size, whatever they are, and nothing else is left."""

import itertools
import json

import pytest

from callsheet_plugins.benchmarks.engines import Scores
from callsheet_plugins.benchmarks.reading import kept


def test_rows_without_end_are_written_up_to_a_number(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "ROWS", 10)
    path = tmp_path / "predictions.jsonl"
    there, fault = kept.write(({"row": number} for number in itertools.count()), path)
    assert there and fault == "unreadable from row 11 on (only 10 rows, 110 bytes, are kept)"
    assert [json.loads(line)["row"] for line in path.open()] == [*range(10)] and [*tmp_path.iterdir()] == [path]


def test_rows_are_written_up_to_a_size(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "PREDICTIONS_BYTES", 1000)
    path = tmp_path / "predictions.jsonl"
    there, fault = kept.write(itertools.repeat({"a": "x" * 91}), path)
    assert there and "only 9 rows, 909 bytes, are kept" in fault and path.stat().st_size == 909


def test_without_rows_there_is_no_file_also_where_an_attempt_left_one(tmp_path):
    path = tmp_path / "predictions.jsonl"
    path.write_text("{}\n")
    assert kept.write((), path) == (False, "") and not [*tmp_path.iterdir()]


@pytest.mark.parametrize("full", kept.FULL)
def test_a_full_disk_is_no_fault_of_the_predictions(tmp_path, full):
    def rows():
        yield {"a": 1}
        raise OSError(full, "full")

    with pytest.raises(OSError) as raised:
        kept.write(rows(), tmp_path / "predictions.jsonl")
    assert raised.value.errno == full and not [*tmp_path.iterdir()]


def test_of_what_is_left_out_a_few_are_named_and_predictions_first(tmp_path):
    odd = {f"odd-{number}": "text" * 1000 for number in range(50)}
    scores = Scores({"a": 1, **odd}, {"part": {"b": "x" * 9}}, [3], odd)
    found = kept.kept(scores, tmp_path / "predictions.jsonl")
    assert found["metrics"] == {"a": 1} and next(iter(found["left_out"])) == "predictions"
    assert len(found["left_out"]) == kept.REPORTED + 1 and found["left_out"]["…"] == "32 more"
    assert len(json.dumps(found)) < 20_000
