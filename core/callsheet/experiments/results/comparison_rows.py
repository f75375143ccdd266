"""One line for each method: its scores over seeds, and how it compares; for Markdown and for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from callsheet.errors import counted
from callsheet.experiments.results.summary import Summary
from callsheet.experiments.results.verdicts import more_seeds, number
from callsheet.experiments.statistics.methods import Comparison, Method

BASELINE = "baseline"


@dataclass(frozen=True)
class MethodRow:
    """Cells of text, empty where there is nothing to say."""

    method: str
    seeds: str
    mean: str
    difference: str
    interval: str
    verdict: str
    smallest: str
    more: str


def method_rows(summary: Summary) -> Iterator[MethodRow]:
    """The baseline first, then the others in the order of the experiment's file."""
    if (verdict := summary.verdict) is None:
        return
    compared = {each.method: each for each in verdict.comparisons}
    for method in sorted(verdict.methods, key=lambda method: method.name != verdict.baseline):
        yield _row(method, compared.get(method.name))


def mean_and_spread(method: Method) -> str:
    """
    >>> mean_and_spread(Method("bema", 3, 0.5125, 0.0131)), mean_and_spread(Method("bema", 1, 0.5))
    ('0.512 ± 0.013', '0.500')
    """
    if method.mean is None:
        return ""
    return number(method.mean) if method.sd is None else f"{number(method.mean)} ± {number(method.sd)}"


def _row(method: Method, found: Comparison | None) -> MethodRow:
    seeds, mean = str(method.seeds), mean_and_spread(method)
    if found and found.pairs != method.seeds:
        seeds += f" ({counted(found.pairs, 'pair')})"
    if found is None:
        return MethodRow(method.name, seeds, mean, "", "", BASELINE, "", "")
    ends = [number(end, sign=True) for end in found.interval or ()]
    return MethodRow(
        method.name,
        seeds,
        mean,
        number(found.difference, sign=True),
        " to ".join(ends),
        found.verdict,
        number(found.smallest),
        more_seeds(found),
    )
