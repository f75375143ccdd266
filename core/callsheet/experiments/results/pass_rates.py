"""`benchmark.pass@K` as a score: from the answers of a benchmark that asked each prompt several times."""

from __future__ import annotations

import re
from collections import Counter

from callsheet.experiments.results.answers import last_answers
from callsheet.experiments.statistics.passing import mean_pass_at_k
from callsheet.results import ArmResult

NAME = re.compile(r"(.+)\.pass@([1-9]\d{0,5})")
PASSED = 1.0  # what an answer must score


def pass_rate(arm: ArmResult, metric: str) -> float:
    """The mean over prompts of pass@K, at the last step that was scored; of a metric that the benchmark lacks itself.

    Raises KeyError, which says why, where the name is no such metric, or the answers are not there or too few.
    """
    if not (named := NAME.fullmatch(metric)):
        raise KeyError(f"{metric!r} is no pass@K.")
    benchmark, k = named[1], int(named[2])
    answers = last_answers(arm, f"{benchmark}.pass")
    asked = Counter(answer.prompt for answer in answers)
    passed = Counter(answer.prompt for answer in answers if answer.score >= PASSED)
    if not asked:
        raise KeyError(f"{arm.name} has no answers of {benchmark!r} that pass or fail, which pass@{k} is made of.")
    if (fewest := min(asked.values())) < k:
        raise KeyError(f"{metric} needs {k} answers to each prompt, and one prompt has {fewest}.")
    return mean_pass_at_k(((count, passed[prompt]) for prompt, count in asked.items()), k)
