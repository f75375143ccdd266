"""What a number of seeds can show: power of the paired t-test, by the noncentral t distribution."""

from __future__ import annotations

from math import sqrt

from callsheet.experiments.statistics.students_t import noncentrality

POWER = 0.8  # the share of experiments that would show a difference as large
MOST_SEEDS = 1000  # more are not counted


def smallest_difference(sd: float, pairs: int, level: float) -> float | None:
    """The smallest true difference that `pairs` differences with this `sd` show with 80 % power, two-sided at `level`.

    None where the spread is not known.
    """
    if pairs < 2 or not sd > 0:
        return None
    return noncentrality(POWER, level, pairs - 1) * sd / sqrt(pairs)


def pairs_needed(difference: float, sd: float, level: float) -> int | None:
    """How many pairs show a true `difference` with 80 % power; None for more than `MOST_SEEDS`, or no difference."""

    def shown(pairs: int) -> bool:
        return (smallest_difference(sd, pairs, level) or 0.0) <= abs(difference)

    if not sd > 0 or not shown(MOST_SEEDS):
        return None
    low, high = 1, MOST_SEEDS  # `low` does not show it, `high` does
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if middle > 1 and shown(middle) else (middle, high)
    return high
