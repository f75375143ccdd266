"""The best of many checkpoints is chosen on one half of the prompts and reported on the other."""

import math

import numpy
import pytest
from scipy import stats

from callsheet.experiments.statistics.selection import best_of, in_first_half, interval_of_mean


def drawn(random, prompts, checkpoints=20, ahead=0.0):
    right = random.random((checkpoints, prompts)) < 0.5
    right[3] |= random.random(prompts) < ahead
    return {f"checkpoint-{n}": {f"q{m}": float(x) for m, x in enumerate(row)} for n, row in enumerate(right)}


@pytest.mark.parametrize(("prompts", "times", "bias"), [(1319, 25, 0.026), (30, 100, 0.17)])
def test_the_best_of_twenty_equal_checkpoints_flatters_and_the_other_half_does_not(prompts, times, bias):
    random = numpy.random.default_rng(0)
    found = [best_of(drawn(random, prompts)) for _ in range(times)]
    assert numpy.mean([each.naive for each in found]) - 0.5 == pytest.approx(bias, rel=0.12)
    error = 0.5 / math.sqrt(prompts / 2 * times)
    assert abs(numpy.mean([each.score for each in found]) - 0.5) < 3 * error < bias / 2


def test_a_better_checkpoint_is_found_and_its_score_has_an_interval():
    found = best_of(drawn(numpy.random.default_rng(1), 1000, ahead=0.3))
    assert found.checkpoint == "checkpoint-3" and found.interval[0] < found.score < found.interval[1]
    assert (
        found.score == pytest.approx(0.65, abs=0.06) and found.chosen_on + found.reported_on == 1000 and found.of == 20
    )


def test_the_halves_are_the_same_in_any_order_and_about_even():
    prompts = [f"Frage {number} ü \ud800" for number in range(2000)]
    assert 900 < sum(map(in_first_half, prompts)) < 1100
    assert [in_first_half(prompt) for prompt in ("a", "b", "c", "d", "e")] == [True, True, True, True, False]
    scores = drawn(numpy.random.default_rng(2), 60)
    turned = {name: dict(reversed(found.items())) for name, found in scores.items()}
    assert best_of(scores) == best_of(turned)


def test_what_is_missing_counts_for_nobody():
    scores = drawn(numpy.random.default_rng(3), 40, checkpoints=5)
    scores["checkpoint-1"].pop("q0")
    scores["checkpoint-2"]["q1"] = math.nan
    found = best_of(scores)
    assert found.chosen_on + found.reported_on == 38
    assert best_of({}) is None and best_of({"a": {"q": 1.0}}) is None and best_of({"a": {"q": 1.0}, "b": {}}) is None


def test_where_less_is_better_the_least_is_chosen():
    losses = {"a": {f"q{n}": 1.0 for n in range(30)}, "b": {f"q{n}": 0.5 for n in range(30)}}
    found = best_of(losses, direction="minimize")
    assert (found.checkpoint, found.score, found.naive, found.interval) == ("b", 0.5, 0.5, None)


def test_an_interval_near_one_stays_in_its_range():
    low, high = interval_of_mean([1.0] * 97 + [0.0] * 3)
    assert low < 0.97 < high <= 1.0


@pytest.mark.parametrize(
    "values",
    [
        [1.0] * 97 + [0.0] * 3,
        [1.0] + [0.0] * 40,
        [float(x) for x in numpy.random.default_rng(4).normal(size=300)],
        [float(x) for x in numpy.random.default_rng(5).lognormal(size=57)],
        [0.0, 1.0],
        [3.0, 1e9, -2.0, 5.0],
    ],
)
def test_the_interval_is_that_of_scipy(values):
    found = stats.bootstrap(
        (values,), numpy.mean, n_resamples=2000, method="BCa", rng=numpy.random.default_rng(0), batch=100
    )
    assert interval_of_mean(values) == pytest.approx([*found.confidence_interval], rel=1e-9)
