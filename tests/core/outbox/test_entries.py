"""An entry as it lies in the outbox."""

import json

import pytest

from callsheet.outbox.entries import Entry, from_json, id_of, to_json


def test_an_entry_is_read_back_as_it_was_written():
    entry = Entry(
        "shelf-1", "shelf", "1", {"to": "x"}, 1.5, files={"a": 3}, attempts=2, error="no", result={"ok": True}
    )
    assert from_json(to_json(entry)) == entry


def test_what_a_later_version_added_is_left_aside():
    content = json.loads(to_json(Entry("shelf-1", "shelf", "1", {}, 0.0)))
    assert from_json(json.dumps({**content, "colour": "red"})) == Entry("shelf-1", "shelf", "1", {}, 0.0)


@pytest.mark.parametrize("text", ["null", "3", "[]", '{"id": "x"}', "{", ""])
def test_what_is_no_entry_is_refused(text):
    with pytest.raises(ValueError):
        from_json(text)


def test_ids_are_names_of_files_that_differ_where_their_keys_do():
    ids = [id_of("shelf", key) for key in ("a/b", "a?b", "a b", "../a", "é" * 300)]
    assert len(set(ids)) == 5 and id_of("shelf", "a/b") == ids[0]
    assert all("/" not in id and not id.startswith(".") and len(id) < 100 and id.isascii() for id in ids)
