"""What a handler may ask of the outbox beyond its own entry."""

import time

import pytest

from callsheet.outbox import Delivery, Outbox
from callsheet.outbox.store import ANNOUNCED, EntryStore
from callsheet.rundir.rundir import RunDir


@pytest.fixture
def delivery(tmp_path, shipping):
    """One of an entry that is in work, beside a pending one and one that failed."""
    run_dir, outbox = tmp_path / "run", Outbox(tmp_path / "run")
    working, failed, _ = (outbox.put("shelf", {"to": key}, key=key) for key in ("working", "failed", "pending"))
    store = EntryStore(run_dir)
    for id in (working, failed):
        store.claim(id)
    store.settle(store.read("active", failed), "failed")
    return Delivery(store.read("active", working), run_dir)


def keys(entries):
    return [entry.key for entry in entries]


def test_entries_are_given_by_their_states_in_the_order_asked_for(delivery):
    assert keys(delivery.entries("pending", "active", "pending")) == ["pending", "working"]
    assert keys(delivery.entries("failed")) == ["failed"] and delivery.entries("done", "parked") == []


def test_what_the_plugins_have_heard_of_is_known_by_its_id(delivery):
    assert delivery.announced() == set()

    RunDir(delivery.run_dir).append(ANNOUNCED, {"id": "shelf-1", "time": time.time()})

    assert delivery.announced() == {"shelf-1"}


def test_only_what_failed_gets_another_chance_with_what_changed(delivery):
    outbox, [failed] = Outbox(delivery.run_dir), delivery.entries("failed")

    assert outbox.retry(failed.id, to="elsewhere") and not outbox.retry(delivery.entry.id)

    again = next(entry for entry in delivery.entries("pending") if entry.key == "failed")
    assert again.payload == {"to": "elsewhere"} and again.attempts == 0
