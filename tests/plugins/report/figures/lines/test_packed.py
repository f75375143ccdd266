import base64

import numpy as np
import pytest

from callsheet_plugins.report.figures.lines.packed import TOP, packed


def unpacked(content):
    places = np.frombuffer(base64.b64decode(content["data"]), "<u2").reshape(len(content["low"]), -1)
    low, high, log = (np.array(content[key])[:, None] for key in ("low", "high", "log"))
    values = np.where(places > TOP, np.nan, low * (1 - places / TOP) + high * (places / TOP))
    with np.errstate(over="ignore"):
        return np.where(log, np.exp(values), values)


def test_numbers_come_back_but_for_a_small_share_of_their_range():
    rows = np.random.default_rng(0).normal(size=(5, 100)) * 10
    assert np.abs(unpacked(packed(rows)) - rows).max() <= np.ptp(rows, axis=1).max() / 131_000


def test_what_spans_decades_is_as_exact_where_it_is_small():
    rows = np.array([[1e-6, 1e-3, 1.0, 1e6]])
    assert unpacked(packed(rows))[0] == pytest.approx(rows[0], rel=1e-3)


def test_gaps_stay_gaps():
    rows = np.array([[1.0, np.nan, 3.0], [np.nan] * 3])
    assert np.isnan(unpacked(packed(rows))).tolist() == np.isnan(rows).tolist()


@pytest.mark.parametrize("row", [[0.0, 0.0], [7.0, 7.0], [-1.7e308, 1.7e308], [-5.0, 0.0]])
def test_no_row_is_too_odd(row):
    assert unpacked(packed(np.array([row])))[0] == pytest.approx(row, rel=1e-4)


def test_no_numbers_at_all():
    assert packed(np.zeros((2, 0)))["data"] == ""
