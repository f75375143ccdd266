"""Student's t, compared with scipy's."""

import subprocess
import sys

import pytest
from scipy import special

from callsheet.experiments.statistics.students_t import critical, two_sided_p

FREEDOMS = [1, 2, 3, 5, 10, 50, 224, 1318, 100_000]


@pytest.mark.parametrize("freedom", FREEDOMS)
def test_p_is_that_of_scipy(freedom):
    for t in (0, 1e-9, 1e-3, 0.1, 0.5, 1, 1.96, 3, -3, 10, 50):
        assert two_sided_p(t, freedom) == pytest.approx(2 * special.stdtr(freedom, -abs(t)), rel=1e-9)


@pytest.mark.parametrize("freedom", FREEDOMS)
def test_critical_values_are_those_of_scipy(freedom):
    for level in (0.5, 0.2, 0.05, 0.01, 0.05 / 7, 1e-4):
        assert critical(level, freedom) == pytest.approx(special.stdtrit(freedom, 1 - level / 2), rel=1e-9)
        assert two_sided_p(critical(level, freedom), freedom) == pytest.approx(level, rel=1e-9)


def test_it_needs_no_scipy():
    code = (
        "import sys; from callsheet.experiments.statistics.students_t import critical, two_sided_p\n"
        "critical(0.05, 9), two_sided_p(2.0, 9); print('scipy' in sys.modules, 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False False\n"
