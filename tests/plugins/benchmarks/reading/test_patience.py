"""A step that hangs holds up its own entry, for a while, and nobody else."""

from threading import Event

import pytest
from waiting import wait_until

from callsheet.outbox import Permanent, Transient
from callsheet_plugins.benchmarks.reading.patience import LOOKS, Patience


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
