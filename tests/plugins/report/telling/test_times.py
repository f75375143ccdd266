import pytest

from callsheet_plugins.report.telling.times import lag, moment, seconds_of


@pytest.mark.parametrize(
    "written", ["", "yesterday", None, True, [], float("nan"), float("inf"), 1e300, -1, "0001-01-01T00:00:00"]
)
def test_what_is_no_time_of_this_era_is_none(written: object):
    assert seconds_of(written) is None


def test_a_time_without_a_zone_is_utc():
    assert moment(seconds_of("2026-11-28T03:51:36")) == "2026-11-28 03:51:36"
    assert moment(seconds_of("2026-11-28T05:51:36+02:00")) == "2026-11-28 03:51:36"


def test_a_lag_over_which_a_clock_was_set_back_is_not_known():
    assert lag(10, 15) == 5
    assert lag(15, 10) is None
    assert lag(None, 10) is None
