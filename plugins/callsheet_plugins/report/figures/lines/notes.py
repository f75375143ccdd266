"""What a chart cannot draw, in sentences: values that are no numbers, and arms of one run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from callsheet_plugins.report.figures.lines.charts import TOGETHER, Arm, Chart, Line
from callsheet_plugins.report.figures.lines.names import TRAIN
from callsheet_plugins.report.figures.lines.series import last_of

if TYPE_CHECKING:
    from callsheet_plugins.report.reading.metrics import Series

FEW = 3  # names that a sentence lists


def notes(chart: Chart, arms: Sequence[Arm]) -> list[str]:
    """A sentence for each kind of line that has gaps."""
    found = []
    for variant in chart.variants:
        gaps = [gap for line in chart.lines if line.named.line == variant for gap in _gaps(line, arms)]
        if gaps:
            found.append(_said(variant, gaps, is_only=sum(len(arm.runs) for arm in arms) == 1))
    return found


def _gaps(line: Line, arms: Sequence[Arm]) -> Iterator[tuple[str, int, int, int]]:
    """Label, how many values are no number, of how many, and the first step of them."""
    for member, series in line.members.items():
        lost = ~np.isfinite(series.values)
        if count := int(lost.sum()):
            yield arms[line.arm].runs[member].label, count, len(lost), int(series.steps[lost.argmax()])


def _said(variant: str, gaps: Sequence[tuple[str, int, int, int]], *, is_only: bool) -> str:
    label, count, of, first = gaps[0]
    where = f"no number (NaN or infinite) at {count:,} of {of:,} steps, first at step {first:,}"
    if is_only:
        return f"{variant}: {where}."
    others = [label for label, *_ in gaps[1 : 1 + FEW]]
    more = len(gaps) - 1 - len(others)
    also = f"; so are values of {', '.join(others)}{f' and {more:,} more runs' if more else ''}" if others else ""
    return f"{variant}: {label} has {where}{also}."


def rows(chart: Chart) -> list[list[str | int | float | None]]:
    """For each variant: its name, and of the last value of each run the mean, the least and the most; how many runs."""
    return [[variant, *_lasts(chart, variant)] for variant in chart.variants]


def long_rows(chart: Chart) -> list[list[str | int | float | None]]:
    """Such rows for a table of several charts."""
    if chart.is_part or chart.variants == [TRAIN]:
        return [[chart.name, *row[1:]] for row in rows(chart)]
    return [[f"{chart.metric}, {variant}", *values] for variant, *values in rows(chart)]


def same(chart: Chart, arms: Sequence[Arm]) -> str:
    """Which arms logged the same numbers, so that one line covers the other; only asked of a dozen lines."""
    if len(chart.lines) > TOGETHER:
        return ""
    for place, line in enumerate(chart.lines):
        twins = [other for other in chart.lines[place + 1 :] if _are_same(line, other)]
        if twins:
            listed = [arms[one.arm].name for one in (line, *twins)]
            return f"{', '.join(listed[:-1])} and {listed[-1]} logged the same values: one line covers the other."
    return ""


def _are_same(line: Line, other: Line) -> bool:
    mine, others = list(line.members.values()), list(other.members.values())
    return (
        line.named == other.named
        and len(mine) == len(others)
        and all(_are_equal(one, two) for one, two in zip(mine, others, strict=True))
    )


def _are_equal(one: Series, two: Series) -> bool:
    return np.array_equal(one.steps, two.steps) and np.array_equal(one.values, two.values, equal_nan=True)


def _lasts(chart: Chart, variant: str) -> list[int | float | None]:
    lines = [line for line in chart.lines if line.named.line == variant]
    last = [last_of(series) for line in lines for series in line.members.values()]
    finite = [value for value in last if np.isfinite(value)]
    if not finite:
        return [None, None, None, len(last)]
    return [float(np.mean(finite)), min(finite), max(finite), len(last)]


def only(chart: Chart, arms: Sequence[Arm]) -> str:
    """Whose line it is, where there is one and no legend."""
    if len(arms) == 1 or len(chart.lines) > 1:
        return ""
    return f"{arms[chart.lines[0].arm].name} alone has logged it."


def alone(arms: Sequence[Arm]) -> str:
    """Which arms have no band, where others have one."""
    singles = [arm.name for arm in arms if not arm.is_band]
    if not singles or len(singles) == len(arms):
        return ""
    listed = ", ".join(singles[:FEW]) + (f" and {len(singles) - FEW:,} more" if len(singles) > FEW else "")
    return f"{listed}: one run, so a line without a band."
