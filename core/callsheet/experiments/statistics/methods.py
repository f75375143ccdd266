"""Compare methods over seeds: paired t-tests against the baseline, Holm over several, and what they could show."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from callsheet.errors import counted
from callsheet.experiments.statistics.paired import Differences, differences
from callsheet.experiments.statistics.power import pairs_needed, smallest_difference
from callsheet.experiments.statistics.sequential import nominal_levels

LEVEL = 0.05  # the share of experiments without any true difference that name one
FEWEST = 3  # pairs of seeds: two have a spread that says nothing
HUGE = 1e100  # scores beyond are none: their squares are no numbers
BETTER, WORSE, NOT_SHOWN, NONE = "better", "worse", "no difference shown", "no verdict"
Scores = Mapping[str, Mapping[Any, float | None]]


@dataclass(frozen=True)
class Method:
    """The scores of one method: `seeds` that have one, their mean, and their standard deviation from two seeds on."""

    name: str
    seeds: int
    mean: float | None = None
    sd: float | None = None


@dataclass(frozen=True)
class Comparison:
    """One method compared with the baseline, over the seeds that both have a score of.

    `difference` is the mean of method minus baseline, `sd` the standard deviation of the differences, `interval` that
    of the mean difference at `confidence`. `level` is the p at which the verdict was decided: 5 % shared over all
    methods by Holm, and with seeds that are added one by one, over all looks. The interval excludes zero exactly where
    a difference was shown. `smallest` is the true difference that so many seeds show in 80 % of experiments, given this
    spread, and `more_seeds` how many more would show the difference that was seen, None where those are over 1,000.
    `why` says why there is no verdict, or no interval.
    """

    method: str
    verdict: str
    pairs: int
    difference: float | None = None
    sd: float | None = None
    p: float | None = None
    level: float | None = None
    interval: tuple[float, float] | None = None
    smallest: float | None = None
    more_seeds: int | None = None
    why: str = ""

    @property
    def confidence(self) -> float | None:
        """Of the interval."""
        return None if self.level is None else 1 - self.level


@dataclass(frozen=True)
class MethodVerdict:
    """Who won. `looks` is the largest number of seeds where seeds are added until it is decided, else None."""

    baseline: str
    direction: str
    methods: tuple[Method, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    looks: int | None = None

    @property
    def is_decided(self) -> bool:
        """Whether more seeds would change nothing: each comparison has shown a difference."""
        return all(each.verdict in (BETTER, WORSE) for each in self.comparisons)


@dataclass
class _Test:
    """One comparison while Holm goes through them, and what it has `shown` so far, at which `level`."""

    method: str
    found: Differences
    shown: float | None = None
    level: float = LEVEL


def compared(
    scores: Scores, baseline: str, *, direction: str = "maximize", level: float = LEVEL, looks: int | None = None
) -> MethodVerdict:
    """Compare every method of `scores` (by method and seed) with the method `baseline`.

    A score that is None, NaN or infinite counts as missing: a comparison takes the seeds that both have. With `looks`,
    the verdict was looked at after each seed from the third on, and would be until there are so many; seeds are in the
    order in which they were added, which is that of the baseline.
    """
    known = {name: _finite(by_seed) for name, by_seed in scores.items()}
    others = [name for name in known if name != baseline]
    of_baseline = known.get(baseline, {})
    tests = {name: _Test(name, _paired(known[name], of_baseline)) for name in others}
    level_of = _levels(level, looks)
    _decide([test for test in tests.values() if test.found.count >= FEWEST], len(others), level_of, looks)
    comparisons = tuple(_comparison(test, direction, bool(of_baseline)) for test in tests.values())
    methods = tuple(_method(name, [*by_seed.values()]) for name, by_seed in known.items())
    return MethodVerdict(baseline, direction, methods, comparisons, looks)


def _decide(tests: Sequence[_Test], of: int, level_of: Callable[[int, int], float], looks: int | None) -> None:
    """Holm's procedure: at each look, the level is shared by those that have shown no difference so far.

    With several looks, it is the graphical one of Maurer and Bretz (2013): who has shown a difference stays so, and
    hands its share of the error on.
    """
    left, sharing = [*tests], of if looks else len(tests)
    most = max((test.found.count for test in tests), default=0)
    for pairs in range(FEWEST, most + 1) if looks else [most]:
        so_far = {test.method: test.found.first(pairs) for test in tests}
        p = {method: found.p for method, found in so_far.items()}
        while left:
            best = min(left, key=lambda test: p[test.method])
            best.level = level_of(sharing, so_far[best.method].count)
            if p[best.method] > best.level:
                break
            best.shown = so_far[best.method].mean
            left.remove(best)
            sharing -= 1
    for test in left:
        test.level = level_of(sharing, test.found.count)


def _levels(level: float, looks: int | None) -> Callable[[int, int], float]:
    """The level of one comparison, by how many share it, and after how many pairs."""

    def level_of(sharing: int, pairs: int) -> float:
        share = level / max(sharing, 1)
        return share if looks is None else nominal_levels(share, max(looks, FEWEST))[min(pairs, looks) - FEWEST]

    return level_of


def _comparison(test: _Test, direction: str, has_baseline: bool) -> Comparison:
    found = test.found
    if found.count < FEWEST:
        seen = found.mean if found.count else None
        return Comparison(test.method, NONE, found.count, difference=seen, why=_too_few(found.count, has_baseline))
    return Comparison(
        test.method,
        _verdict(test.shown, direction),
        found.count,
        difference=found.mean,
        sd=found.sd,
        p=found.p,
        level=test.level,
        interval=found.interval(test.level),
        smallest=smallest_difference(found.sd, found.count, test.level),
        more_seeds=_more(found, test.level) if test.shown is None else 0,
        why=_without_spread(found),
    )


def _without_spread(found: Differences) -> str:
    if found.is_zero:
        return "every seed has the same score in both"
    return "" if found.sd else f"the difference is the same in {counted(found.count, 'seed')}, which tells no spread"


def _verdict(shown: float | None, direction: str) -> str:
    if shown is None:
        return NOT_SHOWN
    return BETTER if (shown > 0) == (direction == "maximize") else WORSE


def _more(found: Differences, level: float) -> int | None:
    if found.sd == 0 and not found.is_zero:  # all are equal: their signs decide
        return max(0, math.ceil(1 - math.log2(level)) - found.count)
    needed = pairs_needed(found.mean, found.sd, level)
    return None if needed is None else max(needed - found.count, 1)


def _too_few(pairs: int, has_baseline: bool) -> str:
    if not has_baseline:
        return "the baseline has no score"
    seen = f"{counted(pairs, 'seed')} of both" if pairs else "no seed of both"
    return f"{seen}, and the spread over seeds needs {FEWEST}"


def _paired(of: Mapping[Hashable, float], baseline: Mapping[Hashable, float]) -> Differences:
    both = [seed for seed in baseline if seed in of]
    return differences([of[seed] for seed in both], [baseline[seed] for seed in both])


def _finite(by_seed: Mapping[Hashable, float | None]) -> dict[Hashable, float]:
    return {seed: float(score) for seed, score in by_seed.items() if score is not None and abs(score) < HUGE}


def _method(name: str, scores: Sequence[float]) -> Method:
    if not scores:
        return Method(name, 0)
    mean = math.fsum(scores) / len(scores)
    sd = math.sqrt(math.fsum((score - mean) ** 2 for score in scores) / (len(scores) - 1)) if len(scores) > 1 else None
    return Method(name, len(scores), mean, sd)
