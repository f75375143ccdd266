"""Adding seeds until a verdict is decided: at which p each look rejects, so that all looks together keep the level.

An alpha spending function (Lan and DeMets, 1983) says how much of the error may be spent by each look: here the linear
one of Kim and DeMets (1987), level × seeds so far / seeds at most. Group sequential designs compute boundaries from the
normal distribution, which a handful of seeds is far from. The paired t statistics of all looks have one joint
distribution whatever the mean and the spread of scores are, so it is simulated, with a fixed seed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from callsheet.experiments.statistics.students_t import two_sided_p

FIRST = 3  # seeds at the first look
DRAWS = 200_000
SEED = 20260101


@lru_cache(maxsize=64)
def nominal_levels(level: float, most: int) -> tuple[float, ...]:
    """The p below which a look at 3, 4, … `most` seeds rejects, for an error of `level` over all of them."""
    import numpy

    random = numpy.random.default_rng(SEED)
    total, squares = numpy.zeros(DRAWS), numpy.zeros(DRAWS)
    ahead, levels = numpy.ones(DRAWS, bool), list[float]()
    for seeds in range(1, most + 1):
        drawn = random.standard_normal(DRAWS)
        total, squares = total + drawn, squares + drawn**2
        if seeds < FIRST:
            continue
        t = _t(total, squares, seeds)
        spent = DRAWS - int(ahead.sum())
        bound = _bound(t[ahead], round(level * seeds / most * DRAWS) - spent)
        levels.append(two_sided_p(bound, seeds - 1))
        ahead &= t <= bound
    return tuple(levels)


def _t(total: Any, squares: Any, seeds: int) -> Any:
    import numpy

    mean = total / seeds
    variance = (squares - seeds * mean**2) / (seeds - 1)
    return numpy.abs(mean) / numpy.sqrt(variance / seeds)


def _bound(t: Any, exceeding: int) -> float:
    """What `exceeding` of `t` lie above."""
    import numpy

    if exceeding < 1:
        return float("inf")
    return float(numpy.partition(t, -exceeding - 1)[-exceeding - 1])
