import numpy as np
import pytest
from scipy import stats

from callsheet_plugins.report.figures.bands import bands


def test_a_band_is_the_interval_of_students_t():
    runs = np.array([[1.0], [2.0], [4.0]])
    low, high = stats.t.interval(0.95, 2, runs.mean(), stats.sem(runs[:, 0]))
    found = bands(runs, [3])
    assert [found.mean[0, 0], found.half[0, 0]] == pytest.approx([runs.mean(), (high - low) / 2])


def test_a_run_that_ended_early_counts_as_far_as_it_went():
    found = bands(np.array([[1.0, 1.0], [3.0, np.nan]]), [2])
    assert found.mean[0].tolist() == [2, 1]
    assert found.count[0].tolist() == [2, 1]
    assert np.isfinite(found.half[0]).tolist() == [True, False]


def test_one_run_has_no_band():
    assert np.isnan(bands(np.ones((1, 3)), [1]).half).all()


def test_groups_stand_one_after_the_other():
    found = bands(np.array([[1.0], [3.0], [10.0]]), [2, 1])
    assert found.mean[:, 0].tolist() == [2, 10]


def test_where_no_run_has_a_value_there_is_none():
    found = bands(np.full((2, 1), np.nan), [2])
    assert np.isnan(found.mean).all()
    assert found.count.sum() == 0
