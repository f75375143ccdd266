"""A step that hangs holds up its own entry, for a while, and nobody else."""

from threading import Event

import pytest
from waiting import wait_until

from callsheet.outbox import Permanent, Transient
from callsheet.outbox.courier.backoff import Backoff
from callsheet.outbox.courier.worker import Worker
from callsheet.outbox.store import EntryStore
from callsheet_plugins.benchmarks import handler
from callsheet_plugins.benchmarks.reading import patience
from callsheet_plugins.benchmarks.reading.patience import LOOKS, Patience
from plugins.benchmarks.conftest import entries, put, scored
from plugins.benchmarks.test_docs import install, site  # noqa: F401

HANGS = """
import time
from callsheet_plugins.benchmarks.dispatch import Dispatcher, Seen

class Hangs(Dispatcher):
    def __init__(self, run_dir, settings):
        self.run_dir = run_dir

    def submit(self, attempt):
        return "somewhere"

    def look(self, attempt, handle):
        time.sleep(600)

    def cancel(self, attempt, handle):
        time.sleep(600)
"""


def test_a_step_returns_and_raises_what_it_does():
    patience = Patience()
    assert patience.take("a", "Job a", lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        patience.take("a", "Job a", lambda: 1 / 0)


def test_a_step_that_hangs_fails_its_entry_after_some_looks_and_is_taken_again_once_it_has_ended():
    patience, enough, taken = Patience(0.05), Event(), []

    def step():
        taken.append(1)
        return enough.wait(600)

    for _ in range(LOOKS - 1):
        with pytest.raises(Transient, match="Job a does not answer") as raised:
            patience.take("a", "Job a", step)
        assert raised.value.counts
    assert patience.take("b", "Job b", lambda: 4) == 4
    with pytest.raises(Permanent, match="Job a does not answer"):
        patience.take("a", "Job a", step)
    with pytest.raises(Transient):  # it was retried, and still hangs
        patience.take("a", "Job a", step)
    assert len(taken) == 1
    enough.set()
    wait_until(lambda: not patience._hang["a"].is_alive())
    assert Patience(5).take("a", "Job a", step) is True
    assert patience.take("a", "Job a", step) is True and len(taken) == 3


def test_where_no_thread_can_be_started_the_step_is_taken_all_the_same(monkeypatch):
    def start(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", start)
    assert Patience().take("a", "Job a", lambda: 3) == 3


def test_a_dispatcher_that_hangs_fails_its_own_jobs_and_others_are_scored(run_dir, engine, site, monkeypatch):  # noqa: F811
    install(site, "odd-one", "[callsheet.benchmark_dispatchers]\nhangs = odd_one:Hangs\n", "odd_one", HANGS)
    monkeypatch.setattr(handler, "Patience", lambda: Patience(1.0))
    monkeypatch.setattr(patience, "AGAIN_SECONDS", 0.01)
    put(run_dir, engine(), 1, dispatch="hangs")
    put(run_dir, engine(), 2)
    store, worker = EntryStore(run_dir), Worker(run_dir, Backoff(0.01, 0.01))

    def carry_out():
        for id in store.ids("pending"):
            if store.claim(id):
                worker.attempt(store.read("active", id), lambda done, total: None, list)
        return not store.left()

    wait_until(carry_out)
    (failed,) = entries(run_dir, "failed")
    assert failed.error == "Job mine does not answer: its file system, or what was asked about it, hangs."
    assert "outbox retry" in failed.advice
    assert [entry.result["evals"][0]["result"]["metrics"] for entry in scored(run_dir)] == [{"score": 2.0}]
