"""Which metrics there are, the important ones first, and what counts as better in each."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from callsheet.experiments.results.summary import Summary
    from callsheet_plugins.report.gathered import Report, RunData, Score

ERRORS = re.compile(r"std_?err", re.IGNORECASE)  # the error of another metric, as lm_eval and lighteval report it
FALLS = re.compile(r"loss|perplexity|ppl|(^|_|/)(wer|cer|ter|mae|mse|rmse|error|bits_per_byte)", re.IGNORECASE)
LONGEST = 100  # characters
MOST_PARTS = 100_000  # numbers of single tasks
PARTS = re.compile(r"[/|]")  # a metric of one task of several


@dataclass(frozen=True, order=True)
class Metric:
    """One number that a benchmark reports."""

    benchmark: str
    name: str

    @property
    def full(self) -> str:
        """As `success_metric` names it."""
        return f"{self.benchmark}.{self.name}"

    @property
    def short(self) -> str:
        """The same for a table: an engine may give names of 500 characters."""
        full = self.full
        return full if len(full) <= LONGEST else f"{full[: LONGEST // 2]}…{full[-LONGEST // 2 :]}"


@dataclass(frozen=True, eq=False)
class Scored:
    """The scores of one run by one metric, of one kind of weights: by step, the one without a step first."""

    run: RunData
    weights: str
    scores: tuple[Score, ...]

    @property
    def steps(self) -> tuple[Score, ...]:
        """Those that have a step."""
        return tuple(score for score in self.scores if score.step is not None)


def indexed(report: Report) -> dict[Metric, list[Scored]]:
    """What was scored by each metric, in the order of the runs.

    What an experiment compares comes first, then the first metric of each benchmark, then others; those of single tasks
    last, and then those without any number. Within each kind, those that more runs have come first. Errors of other
    metrics are left out.
    """
    found: dict[Metric, list[Scored]] = {}
    with_parts = parts_of(report) <= MOST_PARTS
    for run in report.runs:
        for metric, scored in _of_run(run, with_parts):
            found.setdefault(metric, []).append(scored)
    asked = {summary.asked.success_metric for summary in report.experiments}
    first = {metric.benchmark: metric for metric in reversed([*found])}
    order = {metric: place for place, metric in enumerate(found)}

    def place(metric: Metric) -> tuple[Any, ...]:
        is_part, is_first = bool(PARTS.search(metric.name)), first[metric.benchmark] == metric
        is_empty = not any(math.isfinite(score.value) for scored in found[metric] for score in scored.scores)
        return metric.full not in asked, is_empty, is_part, not is_first, -len(found[metric]), order[metric]

    return {metric: found[metric] for metric in sorted(found, key=place)}


def direction(metric: Metric, experiments: Iterable[Summary] = ()) -> str:
    """That of the experiment that compares it; of another, what its name says.

    >>> direction(Metric("wikitext", "word_perplexity")), direction(Metric("gsm8k", "exact_match"))
    ('minimize', 'maximize')
    """
    for summary in experiments:
        if summary.asked.success_metric == metric.full:
            return summary.asked.direction
    return "minimize" if FALLS.search(metric.name) else "maximize"


def parts_of(report: Report) -> int:
    """How many numbers there are of single tasks."""
    return sum(len(metrics) for run in report.runs for score in run.scores for metrics in score.parts.values())


def _of_run(run: RunData, with_parts: bool) -> Iterator[tuple[Metric, Scored]]:
    """By metric and weights, its scores by step; of one step, the last that was written."""
    found: dict[tuple[Metric, str], dict[int | None, Score]] = {}
    for score in _with_parts(run.scores) if with_parts else run.scores:
        if not ERRORS.search(score.metric):
            steps = found.setdefault((Metric(score.benchmark, score.metric), score.weights), {})
            steps.pop(score.step, None)
            steps[score.step] = score
    for (metric, weights), steps in found.items():
        yield metric, Scored(run, weights, tuple(sorted(steps.values(), key=_place)))


def _with_parts(scores: Iterable[Score]) -> Iterator[Score]:
    """With those of single tasks, whose metrics are called `task/metric`."""
    for score in scores:
        yield score
        for task, metrics in score.parts.items():
            for name, value in metrics.items():
                yield replace(score, metric=f"{task}/{name}", value=value, parts={})


def _place(score: Score) -> int:
    return -1 if score.step is None else score.step
