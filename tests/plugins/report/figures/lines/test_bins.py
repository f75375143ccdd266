import numpy as np
import pytest

from callsheet_plugins.report.figures.lines.bins import binned, shared


def series(steps, values=None):
    steps = np.asarray(steps, dtype=np.int64)
    return steps, np.asarray(steps if values is None else values, dtype=np.float64)


def test_steps_on_which_all_agree_are_the_bins():
    found = binned([series([1, 2, 3]), series([1, 2, 3])], 10)
    assert found.is_exact
    assert found.x.tolist() == [1, 2, 3]
    assert found.mean.tolist() == [[1, 2, 3], [1, 2, 3]]


def test_a_series_that_ends_early_has_gaps():
    found = binned([series([1, 2, 3]), series([1])], 10)
    assert found.is_exact
    assert np.isnan(found.mean[1]).tolist() == [False, True, True]


def test_series_that_log_at_different_steps_share_bins_and_leave_none_empty():
    found = binned([series(range(10, 1001, 10)), series(range(25, 1001, 25))], 200)
    assert not found.is_exact
    assert np.isfinite(found.mean).all()
    assert found.width == 25


def test_a_bin_has_the_mean_the_least_and_the_most():
    found = binned([series(range(1000))], 10)
    assert found.mean.shape == (1, 10)
    assert [found.low[0, 0], found.mean[0, 0], found.high[0, 0]] == [0, 49.5, 99]
    assert found.x.tolist() == list(range(49, 1000, 100))


def test_values_that_are_no_numbers_leave_gaps():
    found = binned([series([1, 2, 3], [np.nan, np.inf, 3])], 10)
    assert np.isnan(found.mean[0]).tolist() == [True, True, False]


def test_huge_values_do_not_become_infinite():
    found = binned([series(range(100), [1.7e308] * 100)], 10)
    assert np.isfinite(found.mean).all()


@pytest.mark.parametrize("given", [[], [series([])], [series([5])], [series([5]), series([])]], ids=len)
def test_few_steps_or_none_are_no_special_case(given):
    assert binned(given, 10).mean.shape == (len(given), len({5} if any(len(one[0]) for one in given) else ()))


def test_steps_far_apart_take_no_table_of_all_between():
    found = binned([series([0, 10**15]), series([0, 10**15])], 10)
    assert found.x.tolist() == [0, 10**15]


def test_numbers_that_four_bytes_do_not_hold_stay_long():
    assert shared(np.array([1e300])).dtype == np.float64
    assert shared(np.array([1e-300])).dtype == np.float64
    assert shared(np.array([0.1, np.nan])).dtype == np.float32
