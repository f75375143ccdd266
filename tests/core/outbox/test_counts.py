"""How much of an outbox is published, and how that is said."""

import json
from pathlib import Path

import pytest

from callsheet.outbox import Outbox
from callsheet.outbox.counts import announce_again, by_kind, counts_of, left_to_you, put_aside, sentence, unpublished
from callsheet.outbox.store import EntryStore


def test_a_run_that_put_nothing_counts_nothing(tmp_path):
    assert counts_of(tmp_path) == by_kind(tmp_path) == {} and unpublished({}) == 0 and sentence({}, tmp_path) == ""


def test_entries_are_counted_by_what_became_of_them(tmp_path, shipping):
    ids = [Outbox(tmp_path).put("shelf", {"to": "x"}, key=str(number)) for number in range(4)]
    store = EntryStore(tmp_path)
    for id, state in zip(ids, ("done", "failed", "parked", "active"), strict=True):
        store.path("pending", id).rename(store.path(state, id))
    assert counts_of(tmp_path) == {"done": 1, "left": 1, "failed": 1, "parked": 1, "unannounced": 1}
    assert by_kind(tmp_path) == {"shelf": {"pending": 0, "active": 1, "parked": 1, "done": 1, "failed": 1}}
    announced = tmp_path / "outbox" / "announced.jsonl"
    announced.write_text(json.dumps({"id": ids[0]}) + "\n")
    assert counts_of(tmp_path) == {"done": 1, "left": 1, "failed": 1, "parked": 1}
    announced.write_text(json.dumps({"id": ids[0], "error": "it is no result"}) + "\n")
    assert counts_of(tmp_path)["aside"] == 1 and put_aside(tmp_path) == [ids[0]]
    announce_again(tmp_path, [ids[0]])
    assert counts_of(tmp_path)["unannounced"] == 1 and put_aside(tmp_path) == []


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"done": 3, "left": 0, "failed": 0}, ""),
        ({"left": 2}, "Not everything is published: 2 left, kept for: callsheet outbox drain run"),
        (
            {"failed": 1},
            "Not everything is published: 1 failed; callsheet outbox run says why, callsheet outbox retry run ID tries again",
        ),
        ({"done": 2, "unannounced": 2}, "Not everything is announced: 2 left, kept for: callsheet outbox drain run"),
        (
            {"left": 1, "aside": 1},
            "Not everything is published: 1 left, kept for: callsheet outbox drain run. Not everything is announced: 1 put aside; "
            "callsheet outbox run says why, callsheet outbox retry run ID and then callsheet outbox drain run try again",
        ),
    ],
)
def test_what_is_not_published_is_said_with_what_helps(counts, said):
    assert sentence(counts, Path("run")) == said


def test_what_is_left_to_the_user_is_not_unpublished():
    assert unpublished({"parked": 2}) == 0 and left_to_you({}, Path("run")) == ""
    assert left_to_you({"parked": 2}, Path("run")).startswith("2 left to you: callsheet outbox run says what to do")
