"""When entries that wait are due."""

import time

import pytest

from callsheet.outbox.courier.backoff import Backoff
from callsheet.outbox.courier.due import DueQueue
from callsheet.outbox.entries import Entry


@pytest.mark.parametrize("jump", [-86_400, 86_400])
def test_a_clock_that_jumps_makes_nothing_wait_for_a_day_and_nothing_come_early(monkeypatch, jump):
    waiting, now = DueQueue(), time.time()
    waiting.push(Entry("soon", "kind", "1", {}, now, not_before=now + 0.05))
    waiting.push(Entry("later", "kind", "2", {}, now, not_before=now + 3600))
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + jump)
    time.sleep(0.1)
    assert waiting.pop(lambda kind: 9).id == "soon" and waiting.pop(lambda kind: 9) is None
    assert 3500 < waiting.seconds_to_next() <= 3600


def test_hours_are_waited_when_asked_for_and_ages_are_not():
    assert Backoff().delay(1, 7_200) >= 7_200 and Backoff().delay(1, 1e20) <= 86_401


@pytest.mark.parametrize("asked", [float("nan"), float("inf")])
def test_a_wait_that_is_no_number_is_not_taken_at_its_word(asked):
    assert 0 < Backoff(1.0, 60.0).delay(3, asked) <= 4
