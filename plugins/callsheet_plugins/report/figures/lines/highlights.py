"""In which order arms stand, and which of many are drawn at first: all of a dozen, else the best and the worst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from callsheet_plugins.report.figures.lines.charts import TOGETHER, Arm, Chart, Line, by_variant
from callsheet_plugins.report.figures.lines.names import higher_is_better
from callsheet_plugins.report.figures.lines.series import last_of

BEST, WORST = 4, 2


@dataclass(frozen=True, eq=False)
class Order:
    """`arms` in the order of legends, the first `shown` of them drawn at first, and `charts` whose lines count so.

    `best` and `worst` say how many of them those are, by the last value of `metric`; 0 where all are drawn.
    """

    arms: Sequence[Arm]
    charts: Sequence[Chart]
    shown: int
    metric: str = ""
    best: int = 0
    worst: int = 0


def ordered(charts: Sequence[Chart], arms: Sequence[Arm]) -> Order:
    """A dozen arms stay as they are. Of more, first the best and the worst, then the others, the best first.

    They are ranked by the first chart that most of them have: an evaluation of it rather than what training logged.
    """
    if len(arms) <= TOGETHER:
        return Order(arms, charts, len(arms))
    lines = _ranking(charts, len(arms))
    metric = f"{lines[0].named.chart} ({lines[0].named.line})" if lines else ""
    places = _ranked(lines, len(arms))
    valued = max(len(lines), BEST + WORST)  # those without a value stand last, and are not the worst
    worst = places[valued - WORST : valued]
    order = [*places[:BEST], *reversed(worst), *(place for place in places[BEST:] if place not in worst)]
    return Order([arms[place] for place in order], _moved(charts, order), BEST + WORST, metric, BEST, WORST)


def _ranking(charts: Sequence[Chart], count: int) -> list[Line]:
    for metric in dict.fromkeys(chart.metric for chart in charts):
        lines = [line for chart in charts if chart.metric == metric for line in chart.lines]
        kinds = sorted({line.named for line in lines}, key=lambda one: (one.variant == "train", one.line))
        for kind in kinds:
            found = [line for line in lines if line.named == kind and np.isfinite(_last(line))]
            if len(found) * 2 > count:
                return found
    return []


def _ranked(lines: Sequence[Line], count: int) -> list[int]:
    sign = -1 if lines and higher_is_better(lines[0].named.chart) else 1
    last = {line.arm: sign * _last(line) for line in lines}
    return sorted(range(count), key=lambda arm: (arm not in last, last.get(arm, 0.0)))


def _last(line: Line) -> float:
    """The mean over an arm's runs of the last value, of those that have one."""
    found = [value for series in line.members.values() if np.isfinite(value := last_of(series))]
    return float(np.mean(found)) if found else np.nan


def _moved(charts: Sequence[Chart], order: Sequence[int]) -> list[Chart]:
    place = {arm: at for at, arm in enumerate(order)}
    return [
        replace(chart, lines=sorted((replace(line, arm=place[line.arm]) for line in chart.lines), key=by_variant))
        for chart in charts
    ]
