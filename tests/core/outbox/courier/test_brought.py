"""What a handler left outside of the run directory is brought into it, before its entry is written."""

import os

import pytest

from callsheet.disk.inside import Inside
from callsheet.disk.regular import Irregular
from callsheet.outbox.courier.brought import brought


def scored(path):
    return {"evals": [{"result": {"name": "words"}, "predictions": str(path), "step": 2}], "revision": None}


def test_predictions_outside_are_copied_and_named_by_their_copy(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "theirs.jsonl").write_text('{"a": 1}\n')
    found = brought(scored(tmp_path / "theirs.jsonl"), Inside(tmp_path / "run"), "one")
    name = found["evals"][0]["predictions"]
    assert (tmp_path / "run" / name).read_text() == '{"a": 1}\n' and not os.path.isabs(name)
    assert found["evals"][0]["step"] == 2 and found["revision"] is None
    assert (tmp_path / "theirs.jsonl").stat().st_nlink == 1


@pytest.mark.parametrize("result", [{}, {"evals": None}, {"evals": [7, {"predictions": 3}, {}]}, {"revision": {}}])
def test_results_without_such_files_stay_as_they_are(tmp_path, result):
    assert brought(result, Inside(tmp_path), "one") == result


def test_predictions_inside_stay_where_they_are(tmp_path):
    for path in (tmp_path / "jobs" / "a.jsonl", "jobs/a.jsonl"):
        assert brought(scored(path), Inside(tmp_path), "one") == scored(path)


def test_what_is_no_file_is_not_waited_for(tmp_path):
    (tmp_path / "run").mkdir()
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(Irregular):
        brought(scored(tmp_path / "fifo"), Inside(tmp_path / "run"), "one")
    assert [*(tmp_path / "run" / "outbox" / "brought").iterdir()] == []
