"""When BEMA updates, and how much an update weighs."""

import pytest

from callsheet import CallsheetError
from callsheet_plugins.bema.schedule import Schedule


def test_updates_fall_on_every_so_many_steps_once_averaging_has_begun():
    schedule = Schedule(update_freq=4, update_after=3)
    assert [step for step in range(20) if schedule.is_update(step)] == [7, 11, 15, 19]
    assert schedule.first_update == 7


def test_weights_are_those_of_the_paper():
    schedule = Schedule(ema_power=0.5, bias_power=0.2, lag=10, multiplier=2.0)
    assert schedule.beta(45) == pytest.approx(100**-0.5) and schedule.alpha(45) == pytest.approx(100**-0.2)


def test_an_update_weighs_no_less_than_its_least():
    schedule = Schedule(min_ema_multiplier=0.25)
    assert schedule.beta(10**9) == 0.25 and schedule.beta(6) == 0.25 and Schedule().beta(6) == 0.25
    assert Schedule(min_ema_multiplier=0.25, lag=1).beta(0) == 1.0


@pytest.mark.parametrize("settings", [{"lag": 0, "multiplier": 0.0}, {"ema_power": 1e9}])
def test_weights_that_cannot_be_computed_with_are_refused(settings):
    Schedule()
    with pytest.raises(CallsheetError):
        Schedule(**settings)
