"""The paired t-test over differences, with what it needs to know of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from callsheet.experiments.statistics.students_t import critical, two_sided_p

ROUNDING = 1e-9  # of the largest score: a spread below it comes of rounding


@dataclass(frozen=True)
class Differences:
    """Differences between two methods, one for each seed; `scale` is the largest score among them, for rounding."""

    values: tuple[float, ...]
    scale: float

    @property
    def count(self) -> int:
        return len(self.values)

    def first(self, count: int) -> Differences:
        """Of the first seeds alone."""
        return Differences(self.values[:count], self.scale)

    @property
    def mean(self) -> float:
        return 0.0 if self.is_zero else math.fsum(self.values) / self.count

    @property
    def is_zero(self) -> bool:
        """Whether all of them are zero but for rounding."""
        return all(abs(value) <= ROUNDING * self.scale for value in self.values)

    @property
    def sd(self) -> float:
        """The standard deviation, 0 where they are all equal but for rounding."""
        mean = math.fsum(self.values) / self.count
        spread = math.sqrt(math.fsum((value - mean) ** 2 for value in self.values) / max(self.count - 1, 1))
        return 0.0 if spread <= ROUNDING * self.scale else spread

    @property
    def p(self) -> float:
        """The two-sided p of the paired t-test.

        Differences that are all equal leave t without a spread: 0 / 0, or infinity, which three runs on a short
        benchmark reach by chance. Then it is the p of their signs, which is exact: 2 ** (1 - count).
        """
        if self.is_zero:
            return 1.0
        if self.sd == 0:
            return float(2.0 ** (1 - self.count))
        return two_sided_p(self.mean / (self.sd / math.sqrt(self.count)), self.count - 1)

    def interval(self, level: float) -> tuple[float, float] | None:
        """The confidence interval of their mean at `1 - level`; None where the spread is not known."""
        if self.count < 2 or self.sd == 0:
            return None
        half = critical(level, self.count - 1) * self.sd / math.sqrt(self.count)
        return self.mean - half, self.mean + half


def differences(of: Sequence[float], baseline: Sequence[float]) -> Differences:
    """Of scores that stand in the same order of seeds."""
    values = tuple(one - other for one, other in zip(of, baseline, strict=True))
    return Differences(values, max((abs(score) for score in (*of, *baseline)), default=0.0))
