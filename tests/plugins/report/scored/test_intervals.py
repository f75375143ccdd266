"""How sure a score is: the numbers are those of the verdicts."""

import math
from dataclasses import replace

import numpy
import pytest
from scipy import stats

from callsheet.experiments.statistics import checkpoints
from callsheet.experiments.statistics.checkpoints import Answer
from callsheet_plugins.report.scored.intervals import OTHER, SAME, of_answers, over_seeds

HALF = [Answer(f"q{at}", float(at % 2)) for at in range(100)]


def test_it_is_the_interval_of_the_mean_by_students_t():
    found = stats.t.interval(0.95, 99, 0.5, stats.sem([answer.score for answer in HALF]))
    assert of_answers(HALF, 0.5).ends == pytest.approx(found)


def test_passages_make_it_as_wide_as_comparisons_of_checkpoints_make_theirs():
    passages = [replace(answer, cluster=at // 20 * 2 + at % 2) for at, answer in enumerate(HALF)]
    wide, narrow = of_answers(passages, 0.5).ends, of_answers(HALF, 0.5).ends
    assert wide is not None and narrow is not None
    assert wide[1] - wide[0] > 2 * (narrow[1] - narrow[0])
    against_nothing = checkpoints.compared(passages, [replace(answer, score=0.0) for answer in passages])
    assert against_nothing.interval is not None and wide == pytest.approx(numpy.clip(against_nothing.interval, 0, 1))


def test_a_share_stays_within_0_and_1_and_another_score_does_not():
    few = [Answer(f"q{at}", float(at == 0)) for at in range(20)]
    low, high = of_answers(few, 0.05).ends
    assert low == 0 < high
    grades = [Answer(f"q{at}", 20.0 * (at == 0)) for at in range(20)]
    assert of_answers(grades, 1.0).ends[0] < 0


@pytest.mark.parametrize(
    "answers, score, why",
    [
        (HALF, 0.7, OTHER),
        ([replace(answer, score=1.0) for answer in HALF], 1.0, SAME),
        (HALF[:9], 4 / 9, "9 prompts with a score, and 10 are needed"),
        ([], math.nan, "0 prompts with a score, and 10 are needed"),
        ([replace(answer, cluster=1) for answer in HALF], 0.5, "1 cluster of prompts with a score, and 10 are needed"),
        (HALF, math.nan, OTHER),
    ],
)
def test_where_there_is_none_it_says_why(answers, score, why):
    found = of_answers(answers, score)
    assert (found.ends, found.why) == (None, why)


def test_over_seeds_it_is_students_t():
    assert over_seeds([0.5, 0.6, 0.8]) == pytest.approx(stats.t.interval(0.95, 2, 19 / 30, stats.sem([0.5, 0.6, 0.8])))
    assert over_seeds([0.5]) is over_seeds([0.5, 0.5]) is over_seeds([]) is None
