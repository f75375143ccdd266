"""pass@k is unbiased, exact, and refuses what cannot be estimated."""

import itertools
import math

import pytest

from callsheet.experiments.statistics.passing import mean_pass_at_k, pass_at_k


@pytest.mark.parametrize(
    ("samples", "passed", "k"), [(n, c, k) for n in (1, 4, 7) for c in range(n + 1) for k in (1, 2, 4) if k <= n]
)
def test_it_is_the_share_of_all_choices_of_k_in_which_one_passes(samples, passed, k):
    outcomes = [True] * passed + [False] * (samples - passed)
    choices = [any(choice) for choice in itertools.combinations(outcomes, k)]
    assert pass_at_k(samples, passed, k) == pytest.approx(sum(choices) / len(choices))


@pytest.mark.parametrize(("samples", "passed", "k"), [(10_000, 3, 5000), (100_000, 1, 1), (2000, 1000, 100)])
def test_large_counts_do_not_overflow(samples, passed, k):
    exact = 1 - math.comb(samples - passed, k) / math.comb(samples, k)
    assert pass_at_k(samples, passed, k) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize(("samples", "passed", "k"), [(5, 6, 1), (5, -1, 1), (5, 2, 6), (5, 2, 0), (0, 0, 1)])
def test_what_cannot_be_estimated_is_refused(samples, passed, k):
    with pytest.raises(ValueError, match="samples"):
        pass_at_k(samples, passed, k)


def test_prompts_may_have_different_numbers_of_samples():
    assert mean_pass_at_k([(4, 4), (2, 0)], 2) == 0.5
    assert math.isnan(mean_pass_at_k([], 1)) and str(pass_at_k(3, 0, 2)) == "0.0"
