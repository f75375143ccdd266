"""When entries that wait are due."""

import time

import pytest

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
