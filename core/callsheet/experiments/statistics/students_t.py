"""Student's t: what the tests of this room ask of it, without scipy, whose import takes a quarter of a second.

The distribution is an incomplete beta function, by its continued fraction (Abramowitz and Stegun 26.5.8 and 26.7.1).
"""

from __future__ import annotations

from functools import lru_cache
from math import copysign, exp, lgamma, log, log1p, pi

SMALL = 1e-300  # in place of a zero that would be divided by
PRECISION = 1e-15
MOST_TERMS = 10_000


def two_sided_p(t: float, freedom: int) -> float:
    """How likely it is that |T| exceeds `t`."""
    whole = freedom + t * t
    return _incomplete_beta(freedom / 2, 0.5, freedom / whole, t * t / whole)


@lru_cache(maxsize=1000)
def critical(level: float, freedom: int) -> float:
    """What |T| exceeds with a probability of `level`."""
    t = 0.0  # the probability is convex in t: from below, Newton's steps never go too far
    for _ in range(MOST_TERMS):
        step = (two_sided_p(t, freedom) - level) / (2 * _density(t, freedom))
        t += step
        if step <= PRECISION * t:
            break
    return t


def noncentrality(power: float, level: float, freedom: int) -> float:
    """How far off zero T must be centred, in standard errors, to exceed `critical` with a probability of `power`."""
    from scipy import special  # type: ignore[import-untyped,unused-ignore]  # scipy ships no types

    return float(special.nctdtrinc(freedom, 1 - power, critical(level, freedom)))


def _density(t: float, freedom: int) -> float:
    constant = lgamma((freedom + 1) / 2) - lgamma(freedom / 2) - log(pi * freedom) / 2
    return exp(constant - (freedom + 1) / 2 * log1p(t * t / freedom))


def _incomplete_beta(a: float, b: float, x: float, rest: float) -> float:
    """The regularised one at `x`, which is 1 - `rest`; where its fraction does not converge, by its mirror image."""
    if x <= 0:
        return 0.0
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(b, a, rest, x)
    return exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(rest)) * _fraction(a, b, x) / a


def _fraction(a: float, b: float, x: float) -> float:
    """Lentz's way to evaluate a continued fraction from its beginning."""
    c, d = 1.0, 1 / _off_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, MOST_TERMS):
        for term in (_even(a, b, x, m), _odd(a, b, x, m)):
            c, d = _off_zero(1 + term / c), 1 / _off_zero(1 + term * d)
            value *= (change := c * d)
        if abs(change - 1) < PRECISION:
            break
    return value


def _even(a: float, b: float, x: float, m: int) -> float:
    return m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))


def _odd(a: float, b: float, x: float, m: int) -> float:
    return -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))


def _off_zero(value: float) -> float:
    return value if abs(value) > SMALL else copysign(SMALL, value)
