"""How long to wait before the next attempt."""

import pytest

from callsheet.outbox.courier.backoff import Backoff


def test_the_delay_doubles_up_to_the_longest():
    delays = [[Backoff(1.0, 60.0).delay(attempts) for _ in range(50)] for attempts in (1, 2, 3, 20)]
    for drawn, whole in zip(delays, (1.0, 2.0, 4.0, 60.0), strict=True):
        assert all(whole / 2 <= delay <= whole for delay in drawn)


def test_two_couriers_that_failed_together_do_not_come_back_together():
    assert len({Backoff().delay(5) for _ in range(50)}) > 40


def test_hours_are_waited_when_asked_for_and_ages_are_not():
    assert Backoff().delay(1, 7_200) >= 7_200 and Backoff().delay(1, 1e20) <= 86_401


@pytest.mark.parametrize("asked", [float("nan"), float("inf")])
def test_a_wait_that_is_no_number_is_not_taken_at_its_word(asked):
    assert 0 < Backoff(1.0, 60.0).delay(3, asked) <= 4
