"""The chart of a metric: a line for each run or arm, with the band of its runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from callsheet_plugins.report.figures.bands import bands, criticals
from callsheet_plugins.report.figures.lines.bins import Floats, shared
from callsheet_plugins.report.figures.lines.carried import carried
from callsheet_plugins.report.figures.lines.charts import TOGETHER, Arm, Chart
from callsheet_plugins.report.figures.lines.highlights import Order
from callsheet_plugins.report.figures.lines.placed import Placed, placed
from callsheet_plugins.report.figures.theme import DASHES, Look, look, plain

if TYPE_CHECKING:
    import plotly.graph_objects as go  # type: ignore[import-untyped]  # plotly ships no types

SMOOTHED = 10  # a line of fewer points is not worth smoothing
DOTTED = 40  # a line of so few points shows each as a dot
HEIGHT = 320
NAME = 40  # characters of a name within the chart
RANGED = 3  # lines of single runs that have the range of their bins around them
UNIFIED = 8  # lines whose values one label shows together
HOVER, COUNT = "%{y:.4g} (%{customdata[0]:.4g} to %{customdata[1]:.4g})", "%{customdata[2]} runs"
OF_ARM, OF_RUN = ["95 % from", "to", "runs"], ["least", "most"]  # columns of a line's table

Trace = dict[str, Any]
Shape = dict[str, Any]


def figure(chart: Chart, order: Order, most: int, marked: Sequence[Shape] = ()) -> go.Figure:
    """The lines that are drawn at first; the layout's `meta` holds all others, and single runs, for curves.js.

    `marked` are shapes that stand in each chart.
    """
    import plotly.graph_objects as go

    lines = placed(chart, order.arms, most)
    is_whole = len(lines) <= TOGETHER
    traces = [
        trace
        for at, one in enumerate(lines)
        if is_whole or one.line.arm < order.shown
        for trace in _traces(one, at, _look(one, len(order.arms), len(chart.variants)), has_range=len(lines) <= RANGED)
    ]
    return go.Figure(data=traces, layout=_layout(chart, lines, order.arms, marked))


def _look(one: Placed, arms: int, variants: int) -> Look:
    """Arms differ in colour, variants in dash; of a single arm, what was measured in colour, whose weights in dash."""
    if arms == 1:
        return Look(look(one.measured).colour, DASHES[bool(one.line.named.weights)])
    of = look(one.line.arm)
    return of if variants == 1 else Look(of.colour, DASHES[one.variant % len(DASHES)])


def _traces(one: Placed, at: int, looks: Look, *, has_range: bool) -> Iterator[Trace]:
    """The line, and before it the edges of its band: the interval of a mean, or the range of what a bin holds."""
    line = {"type": "scatter", **one.axis, "legendgroup": plain(one.name), "name": plain(one.name)}
    if len(one.values) > 1:
        found = bands(one.values, [len(one.values)])
        mean, low, high = found.mean[0], found.mean[0] - found.half[0], found.mean[0] + found.half[0]
        columns, hover, custom = OF_ARM, f"{HOVER}, {COUNT}", [low, high, found.count[0]]
    else:
        mean, low, high = one.values[0], one.bins.low[one.rows][0], one.bins.high[one.rows][0]
        columns, hover, custom = OF_RUN, HOVER, [low, high]
    if len(one.values) == 1 and one.bins.is_exact:
        yield line | _drawn(looks, mean) | {"meta": {"line": at}}
        return
    if has_range or len(one.values) > 1:
        yield from _edges(line, looks, low, high)
    more = {"meta": {"line": at, "columns": columns}, "customdata": shared(np.stack(custom, axis=1))}
    yield line | _drawn(looks, mean) | more | {"hovertemplate": hover}


def _drawn(looks: Look, values: Floats) -> Trace:
    mode = "lines+markers" if np.isfinite(values).sum() <= DOTTED or _has_lone_points(values) else "lines"
    drawn = {"color": looks.colour, "dash": looks.dash, "width": 2}
    return {"y": shared(values), "mode": mode, "line": drawn, "marker": {"size": 5, "color": looks.colour}}


def _has_lone_points(values: Floats) -> bool:
    """Whether there are numbers between two gaps, of which a line shows nothing."""
    there = np.isfinite(np.concatenate([[np.nan], values, [np.nan]]))
    return bool((there[1:-1] & ~there[:-2] & ~there[2:]).any())


def _edges(line: Trace, looks: Look, low: Floats, high: Floats) -> Iterator[Trace]:
    if not np.isfinite(high - low).any():
        return
    edge = line | {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    yield edge | {"y": shared(low)}
    yield edge | {"y": shared(high), "fill": "tonexty", "fillcolor": looks.faint}


def _layout(chart: Chart, lines: Sequence[Placed], arms: Sequence[Arm], marked: Sequence[Shape]) -> dict[str, Any]:
    return {
        "height": HEIGHT,
        "xaxis": {"title": {"text": "step"}},
        "yaxis": {"title": {"text": plain(_short(chart.name))}},
        "hoverlabel": {"namelength": NAME},
        "shapes": list(marked),
        "hovermode": "x unified" if len(lines) <= UNIFIED else "closest",
        "meta": {"curves": {"is_smooth": _is_long(lines), "widths": _widths(chart, lines), **_more(lines, arms)}},
    }


def _short(name: str) -> str:
    """A title that fits beside the chart; the caption has all of it."""
    return name if len(name) <= NAME else f"{name[: NAME - 1]}…"


def _widths(chart: Chart, lines: Sequence[Placed]) -> dict[str, int]:
    """By variant, how many steps a point is the mean of, where that is more than one."""
    return {chart.variants[one.variant]: one.bins.width for one in lines if one.bins.width > 1}


def _is_long(lines: Sequence[Placed]) -> bool:
    return max(len(one.bins.x) for one in lines) >= SMOOTHED


def _more(lines: Sequence[Placed], arms: Sequence[Arm]) -> dict[str, Any]:
    """What curves.js draws; of bands, how many standard errors those of 2, 3, … runs reach, and what else they have."""
    if not (found := carried(lines, arms)):
        return {}
    reach = criticals(max(len(one.values) for one in lines))[2:]
    band = {"hovertemplate": f"{HOVER}, {COUNT}", "meta": {"columns": OF_ARM}}
    return {**found, "reach": [round(float(value), 5) for value in reach], "band": band}
