"""One line for each method, with its scores over seeds, or for each trial; for Markdown and for the terminal."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

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


def trial_rows(summary: Summary) -> list[tuple[str, str, str, str]]:
    """Each arm that was searched: its name, its score, how it ended, and its values; the best first."""
    sign = -1 if summary.asked.direction == "maximize" else 1
    trials = [arm for arm in summary.arms if arm.entry.trial is not None]
    trials.sort(key=lambda arm: sign * summary.scores.get(arm.entry.name, sign * math.inf))
    return [
        (
            arm.entry.name,
            number(summary.scores.get(arm.entry.name)),
            arm.result.status or arm.state,
            ", ".join(f"{name.rpartition('.')[2]}={_short(value)}" for name, value in arm.entry.differs.items()),
        )
        for arm in trials
    ]


def _short(value: Any) -> str:
    """A value of a trial, with four digits of a float: `experiment.json` has them all."""
    return f"{float(value):.4g}" if re.fullmatch(r"-?\d+\.\d+(e-?\d+)?", str(value)) else str(value)


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
