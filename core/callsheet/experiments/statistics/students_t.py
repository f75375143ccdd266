"""Student's t as scipy has it: what the tests of this room ask of it. Importing scipy takes a fifth of a second."""

from __future__ import annotations


def two_sided_p(t: float, freedom: int) -> float:
    """How likely it is that |T| exceeds `t`."""
    from scipy import special  # type: ignore[import-untyped,unused-ignore]  # scipy ships no types

    return float(2 * special.stdtr(freedom, -abs(t)))


def critical(level: float, freedom: int) -> float:
    """What |T| exceeds with a probability of `level`."""
    from scipy import special

    return float(special.stdtrit(freedom, 1 - level / 2))


def noncentrality(power: float, level: float, freedom: int) -> float:
    """How far off zero T must be centred, in standard errors, to exceed `critical` with a probability of `power`."""
    from scipy import special

    return float(special.nctdtrinc(freedom, 1 - power, critical(level, freedom)))
