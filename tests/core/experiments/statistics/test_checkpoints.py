"""Two checkpoints are compared prompt by prompt, with clusters as clusters, and the verdict says what it is about."""

import math

import numpy
import pytest
from scipy import stats

from callsheet.experiments.statistics.checkpoints import Answer, compared
from callsheet.experiments.statistics.methods import BETTER, NONE, NOT_SHOWN, WORSE


def answers(scores, per_cluster=0):
    return [Answer(f"q{n}", float(s), n // per_cluster if per_cluster else None) for n, s in enumerate(scores)]


def drawn(seed=0, count=300, effect=0.0):
    random = numpy.random.default_rng(seed)
    difficulty = random.normal(0, 2, count)
    right = lambda add: random.random(count) < 1 / (1 + numpy.exp(-difficulty - add))  # noqa: E731
    return right(effect), right(0.0)


def test_without_clusters_it_is_the_paired_t_of_scipy():
    of, than = drawn(effect=0.9)
    found, theirs = compared(answers(of), answers(than)), stats.ttest_rel(of.astype(float), than.astype(float))
    assert (found.verdict, found.p) == (BETTER, pytest.approx(theirs.pvalue))
    assert found.interval == pytest.approx(theirs.confidence_interval(0.95))
    assert (found.prompts, found.clusters, found.left_out) == (300, 300, 0)
    assert found.label == "two checkpoints, not two methods"
    assert compared(answers(of), answers(than), direction="minimize").verdict == WORSE


def test_questions_that_share_a_passage_count_as_one():
    of, than = drawn(count=50)
    repeated = compared(answers(numpy.repeat(of, 6), 6), answers(numpy.repeat(than, 6), 6))
    once, naive = (
        compared(answers(of), answers(than)),
        compared(answers(numpy.repeat(of, 6)), answers(numpy.repeat(than, 6))),
    )
    assert repeated.interval == pytest.approx(once.interval) and repeated.p == pytest.approx(once.p)
    assert naive.p < once.p and (repeated.prompts, repeated.clusters) == (300, 50)


def test_clustered_questions_name_no_winner_more_often_than_they_should():
    random, rejected, naive = numpy.random.default_rng(1), 0, 0
    for _ in range(400):
        difference = numpy.repeat(random.normal(0, 1, 40), 5) + random.normal(0, 0.5, 200)
        of, than = answers(difference, 5), answers(numpy.zeros(200), 5)
        rejected += compared(of, than).verdict != NOT_SHOWN
        naive += compared(answers(difference), answers(numpy.zeros(200))).verdict != NOT_SHOWN
    assert rejected <= 30 and naive > 100  # of 400: 5 % are 20


def test_only_prompts_that_both_answered_are_compared():
    of, than = drawn()
    no_scores = [Answer("q60", score) for score in (math.nan, math.inf, 1e308, -1e200)]
    found = compared(answers(of)[:250], [*answers(than)[50:], *no_scores])
    assert (found.prompts, found.left_out) == (200, 100)


@pytest.mark.parametrize(
    ("count", "per", "said"),
    [(1, 0, "1 prompt in common"), (9, 0, "9 prompts"), (40, 10, "4 clusters of prompts"), (0, 0, "0 prompts")],
)
def test_a_few_prompts_give_no_verdict(count, per, said):
    found = compared(answers([1] * count, per), answers([0] * count, per))
    assert found.verdict == NONE and said in found.why and "10 are needed" in found.why


def test_the_same_answers_are_no_difference_and_a_constant_one_goes_by_its_signs():
    same = compared(answers([1, 0] * 10), answers([1, 0] * 10))
    assert (same.verdict, same.p, same.difference) == (NOT_SHOWN, 1.0, 0.0)
    assert compared(answers([1] * 20), answers([0] * 20)).verdict == BETTER


def test_a_prompt_that_was_asked_again_has_the_mean_of_its_answers():
    of = [*answers([1] * 12), *answers([0] * 12)]
    assert compared(of, answers([0.5] * 12)).difference == 0
