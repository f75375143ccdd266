import os
from pathlib import Path
from typing import Any

from callsheet.disk.inside import Inside
from callsheet_plugins.report.reading.checkpoints import Checkpoint, checkpoints
from callsheet_plugins.report.reading.scores import Score

from ..made import BEGAN, COMMIT, at, write_rows


def entry(step: int, seconds: float, **payload: Any) -> dict[str, Any]:
    return {"id": f"id-{step}", "put_at": BEGAN + seconds, "payload": {"checkpoint": f"checkpoint-{step}", **payload}}


def row(step: int, **more: Any) -> dict[str, Any]:
    files = {"model.safetensors": {"size": 1000}}
    return {
        "name": f"checkpoint-{step}",
        "step": step,
        "epoch": 1.0,
        "path": f"checkpoint-{step}",
        "files": files,
        **more,
    }


def revision(step: int) -> dict[str, Any]:
    about = {"repo": "me/demo", "branch": f"main-{step}", "commit": COMMIT.format(step), "step": step, "weights": "raw"}
    return {"name": f"checkpoint-{step}", "revision": {**about, "url": "https://huggingface.co/me/demo"}}


def read(folder: Path, *rows: dict[str, Any], scores: list[Score] | None = None) -> list[Checkpoint]:
    write_rows(folder / "checkpoints.jsonl", rows)
    return checkpoints(Inside(folder), scores or [], lambda said: None)


def test_of_a_deleted_checkpoint_the_outbox_knows_when_it_was_saved(tmp_path: Path):
    first = row(50, entries=[entry(50, 3, branch="main-50"), entry(25, 1), "odd", {"payload": None}])
    (found,) = read(tmp_path, first, row(50))
    assert (found.saved, found.is_there) == (BEGAN + 3, False)


def test_the_time_of_files_tells_where_nothing_was_put(tmp_path: Path):
    (tmp_path / "checkpoint-50").mkdir()
    os.utime(tmp_path / "checkpoint-50", (BEGAN, BEGAN))
    (found,) = read(tmp_path, row(50))
    assert (found.saved, found.is_there) == (BEGAN, True)


def test_a_revision_knows_when_it_was_published_and_scored(tmp_path: Path):
    (tmp_path / "outbox").mkdir()
    write_rows(tmp_path / "outbox" / "announced.jsonl", [{"id": "id-50", "time": at(5)}, {"id": "other"}])
    score = Score("test", "exact_match", "raw", 50, 0.5, BEGAN + 9, COMMIT.format(50), None)
    (found,) = read(tmp_path, row(50, entries=[entry(50, 3, branch="main-50")]), revision(50), scores=[score])
    (published,) = found.revisions
    assert (published.time, [*published.scored]) == (BEGAN + 5, [BEGAN + 9])


def test_rows_with_fields_of_any_type_are_read(tmp_path: Path):
    odd = [row(50, entries=7), {"name": None}, {"name": "a", "files": 7}, {"revision": 7}, revision(60), {}]
    assert [one.step for one in read(tmp_path, *odd)] == [50]
