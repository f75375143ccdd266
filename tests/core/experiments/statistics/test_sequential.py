"""Seeds may be added until it is decided, and the share of false winners stays where it is."""

import numpy
import pytest
from scipy import stats

from callsheet.experiments.statistics.methods import BETTER, NOT_SHOWN, WORSE, compared
from callsheet.experiments.statistics.sequential import nominal_levels


def test_every_look_spends_its_share_of_the_error():
    """With draws that the levels were not made of."""
    random, levels = numpy.random.default_rng(7), nominal_levels(0.05, 8)
    drawn = random.standard_normal((40_000, 8))
    crossed = numpy.zeros(40_000, bool)
    for look, level in enumerate(levels, 3):
        crossed |= stats.ttest_1samp(drawn[:, :look], 0, axis=1).pvalue <= level
        assert crossed.mean() == pytest.approx(0.05 * look / 8, abs=0.004)
    assert len(levels) == 6 and crossed.mean() < 0.054


def played(scores, most):
    """Add one seed after another, as a driver does, until it is decided."""
    for seeds in range(3, most + 1):
        so_far = {name: dict(enumerate(found[:seeds])) for name, found in scores.items()}
        verdict = compared(so_far, "m0", looks=most)
        if verdict.is_decided:
            break
    return verdict, seeds


def test_of_a_thousand_experiments_without_a_difference_one_in_twenty_names_one_at_most():
    random, named = numpy.random.default_rng(3), 0
    for methods, most in zip(random.integers(2, 5, 1000), random.choice([5, 10], 1000), strict=True):
        seed = random.normal(0, 1, most)  # that all methods share
        scores = {f"m{number}": seed + random.normal(0, 1, most) for number in range(methods)}
        by_seed = {name: dict(enumerate(found)) for name, found in scores.items()}
        found = compared(by_seed, "m0", looks=most).comparisons  # with every look on the way
        named += any(each.verdict in (BETTER, WORSE) for each in found)
    assert 10 <= named <= 50


def test_looking_again_and_again_at_five_percent_would_name_many():
    drawn = numpy.random.default_rng(4).standard_normal((2000, 10))
    looks = [stats.ttest_1samp(drawn[:, :seeds], 0, axis=1).pvalue <= 0.05 for seeds in range(3, 11)]
    assert numpy.any(looks, axis=0).mean() > 0.15


def test_a_large_difference_ends_it_early():
    random = numpy.random.default_rng(5)
    base = random.normal(0, 1, 10)
    verdict, seeds = played({"m0": base, "m1": base + 4 + random.normal(0, 1, 10)}, 10)
    assert verdict.comparisons[0].verdict == BETTER and seeds < 8 and verdict.looks == 10


def test_what_was_shown_at_an_earlier_look_stays_shown():
    clear = [1.0, 1.001, 0.999, 1.0, 1.0, 1.0, -9.0]
    scores = {
        "m0": dict.fromkeys(range(7), 0.0),
        "m1": dict(enumerate(clear)),
        "m2": dict(enumerate([0, 1, -1, 2, -2, 1, 0])),
    }
    found = {each.method: each for each in compared(scores, "m0", looks=7).comparisons}
    assert (found["m1"].verdict, found["m2"].verdict) == (BETTER, NOT_SHOWN)


def test_a_failed_seed_is_no_look():
    base, ahead = dict.fromkeys(range(8), 0.0), {0: 1.0, 1: 1.1, 2: None, 3: None, 4: 0.9}
    (found,) = compared({"m0": base, "m1": ahead}, "m0", looks=8).comparisons
    assert (found.pairs, found.level) == (3, nominal_levels(0.05, 8)[0])


def test_more_seeds_than_were_planned_have_the_last_level():
    base, ahead = dict.fromkeys(range(8), 0.0), dict(enumerate([1, -1, 2, 0, 1, -1, 0, 1.0]))
    (found,) = compared({"m0": base, "m1": ahead}, "m0", looks=5).comparisons
    assert found.level == nominal_levels(0.05, 5)[-1]
