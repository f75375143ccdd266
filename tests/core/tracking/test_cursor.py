"""The cursor of a tracker: what stands in it, and what becomes of one that is damaged."""

import json
import re
from pathlib import Path

import pytest

from callsheet.disk.descent import Outside
from callsheet.tracking.cursor import Cursor, CursorFile, Seen, ids_of

PAGE = (Path(__file__).parents[3] / "docs" / "rundir.md").read_text(encoding="utf-8")


@pytest.fixture
def file(tmp_path):
    return CursorFile(tmp_path, "scribe")


def full(batch=3, **changed):
    return Cursor(
        **{
            "tracker": "scribe",
            "run_id": "run-1",
            "batch": batch,
            "sent": 30,
            "ids": {"url": "https://scribe.example/1"},
            "read": {"metrics.jsonl": 100},
            "steps": {"train": {"train/loss": 10}},
            "scores": {"aa"},
            "completions": {"4": Seen(1, 2, ["eval"])},
            **changed,
        }
    )


def test_a_cursor_is_read_as_it_was_saved(file):
    cursor = full()
    file.save(cursor)

    assert file.load() == (cursor, None)


def test_the_page_of_the_run_directory_names_every_field(file, tmp_path):
    file.save(full())

    part = PAGE.split("## `trackers/`")[1].split("\n## ")[0]
    named = {name for row in re.findall(r"^\| (`.+?) \|", part, re.M) for name in re.findall(r"`(\w+)`", row)}
    assert {*json.loads((tmp_path / "trackers/scribe.json").read_text())} == named


def test_a_batch_that_was_begun_and_not_saved_is_in_doubt(file):
    cursor, after = full(), full(batch=4, sent=40)
    file.save(cursor)
    file.begin(cursor, after)
    assert file.load() == (cursor, after)

    file.save(after)
    assert file.load() == (after, None)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ('{"tracker": "scribe", "sent": "many"}', "sent is text, a whole number is needed"),
        ('{"tracker": "scribe", "batch": -3}', "batch is -3"),
        ('{"tracker": "scribe", "read": {"metrics.jsonl": -1}}', "read['metrics.jsonl'] is -1"),
        ('{"tracker": "scribe", "steps": {"train": 3}}', "steps"),
        ("{", "it is no JSON"),
        ("", "it is empty"),
        ("[]", "it is a list"),
    ],
)
def test_a_damaged_cursor_is_named_by_its_field_and_restored_from_the_batch_before(
    file, tmp_path, caplog, damage, said
):
    cursor, after = full(), full(batch=4, sent=40)
    file.begin(cursor, after)
    (tmp_path / "trackers/scribe.json").write_text(damage)

    assert file.load() == (cursor, after)
    assert f"trackers/scribe.json: {said}" in caplog.text.replace("…", "") or said in caplog.text


def test_where_both_are_damaged_every_row_is_in_doubt(file, tmp_path, caplog):
    file.begin(full(), full(batch=4))
    for path in (tmp_path / "trackers").iterdir():
        path.write_text("{")
    (tmp_path / "trackers/scribe.json").write_text("{")
    cursor, in_doubt = file.load()

    assert cursor == Cursor("scribe") and in_doubt is not None and in_doubt.batch == -1
    assert "Every row is compared" in caplog.text


def test_no_link_is_followed(file, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "trackers").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(Outside, match="trackers"):
        file.save(full())
    assert not [*(tmp_path / "elsewhere").iterdir()] and ids_of(tmp_path) == {}


def test_of_several_trackers_a_damaged_one_hides_no_other(file, tmp_path):
    file.save(full())
    (tmp_path / "trackers/another.json").write_text("{")

    assert ids_of(tmp_path) == {"scribe": {"url": "https://scribe.example/1"}}
