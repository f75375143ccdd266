"""Scores over steps: a line for each method and kind of weights, how sure each point is, and the best checkpoint."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go  # type: ignore[import-untyped]  # plotly ships no types

from callsheet.results import RAW
from callsheet_plugins.report.figures.lines.charts import TOGETHER
from callsheet_plugins.report.figures.theme import DASHES, Look, look, plain

if TYPE_CHECKING:
    from callsheet_plugins.report.scored.lines import Line, Point

BARS = 40  # points of a line that have bars of their own; more have a band
NAME = 30  # characters of a name beside the chart
MOST_SURE = 6  # lines that show how sure they are; of more, the chart's table says it
DOT = "single runs"


@dataclass(frozen=True)
class Star:
    """The best checkpoint of one run: `value` is its score on prompts that it was not chosen by."""

    step: int
    value: float
    low: float | None = None
    high: float | None = None
    made_of: str = "over the prompts that it was not chosen by"


def over_steps(metric: str, lines: Sequence[Line], star: Star | None = None, groups: Sequence[str] = ()) -> go.Figure:
    """`lines` with their intervals at 95 %, the dots of single runs, and the best checkpoint.

    A group has the colour of its place in `groups`, as it has in the curves; dashes tell its weights apart.
    """
    sure = len(lines) <= MOST_SURE
    traces = [trace for line, of in zip(lines, _looks(lines, groups), strict=True) for trace in _line(line, of, sure)]
    if star:
        traces.append(_star(star))
    layout = {
        "xaxis": {"title": {"text": "step"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": plain(cut(metric))}},
        "height": 360,
    }
    return go.Figure(traces, layout)


def _looks(lines: Sequence[Line], groups: Sequence[str]) -> list[Look]:
    """Of a single group, or of more than the curves show in their order, colours tell lines apart."""
    if not 1 < len(groups) <= TOGETHER:
        return [look(place) for place in range(len(lines))]
    kinds = sorted({line.weights for line in lines}, key=lambda weights: (weights != RAW, weights))
    of_groups = [look(groups.index(line.group)) for line in lines]
    if len(kinds) == 1:
        return of_groups
    dashes = [DASHES[kinds.index(line.weights) % len(DASHES)] for line in lines]
    return [Look(of.colour, dash) for of, dash in zip(of_groups, dashes, strict=True)]


def _line(line: Line, of: Look, sure: bool) -> Iterator[go.Scatter]:
    bars = sure and len(line.points) <= BARS
    if sure and not bars:
        yield from _band(line, of)
    yield go.Scatter(
        x=_steps(line.points),
        y=np.array([point.value for point in line.points]),
        error_y=_bars(line.points) if bars else None,
        name=plain(line.name),
        legendgroup=plain(line.name),
        mode="lines+markers",
        line={"color": of.colour, "dash": of.dash, "width": 2},
        marker={"color": of.colour, "size": 7},
        **_more(line.points, bars),
        hovertemplate="step %{x:,}: <b>%{y:.4g}</b><br>%{customdata[0]}<extra>%{fullData.name}</extra>",
    )
    if line.dots:
        yield _dots(line, of)


def _dots(line: Line, of: Look) -> go.Scatter:
    return go.Scatter(
        x=np.array([step for _, step, _ in line.dots]),
        y=np.array([value for _, _, value in line.dots]),
        name=f"{plain(line.name)}, {DOT}",
        legendgroup=plain(line.name),
        showlegend=False,
        mode="markers",
        marker={"color": of.colour, "size": 5, "opacity": 0.55, "symbol": "circle-open"},
        customdata=[plain(label) for label, _, _ in line.dots],
        meta={"columns": ["run"]},
        hovertemplate="step %{x:,}: <b>%{y:.4g}</b><extra>%{customdata}</extra>",
    )


def _band(line: Line, of: Look) -> Iterator[go.Scatter]:
    points = [point for point in line.points if point.low is not None and point.high is not None]
    steps = _steps(points)
    for name, ends, fill in (
        ("from", [point.low for point in points], None),
        ("to", [point.high for point in points], "tonexty"),
    ):
        yield go.Scatter(
            x=steps,
            y=np.array(ends, dtype=float),
            name=f"{plain(line.name)}, 95 % {name}",
            legendgroup=plain(line.name),
            showlegend=False,
            mode="lines",
            line={"width": 0, "color": of.colour},
            fill=fill,
            fillcolor=of.faint,
            hoverinfo="skip",
        )


def _star(star: Star) -> go.Scatter:
    return go.Scatter(
        x=np.array([star.step]),
        y=np.array([star.value]),
        error_y=_bars([star]),
        name="best checkpoint, on other prompts",
        mode="markers",
        marker={"symbol": "star", "size": 14, "color": look(4).colour},
        customdata=[_said(star)],
        meta={"columns": ["over"]},
        hovertemplate="step %{x:,}: <b>%{y:.4g}</b><br>%{customdata}<extra>best checkpoint</extra>",
    )


def _more(points: Sequence[Point], bars: bool) -> dict[str, Any]:
    """What stands in the chart's table beside x, y and the ends of bars; it has no ends of bands."""
    if bars:
        return {"customdata": [[_said(point)] for point in points], "meta": {"columns": ["over"]}}
    rows = [[_said(point), point.low, point.high] for point in points]
    return {"customdata": rows, "meta": {"columns": ["over", "low", "high"]}}


def _bars(points: Sequence[Point | Star]) -> dict[str, Any] | None:
    """Bars up and down to the ends of the intervals; none where there is no interval."""
    if all(point.low is None for point in points):
        return None
    above = [math.nan if point.high is None else point.high - point.value for point in points]
    below = [math.nan if point.low is None else point.value - point.low for point in points]
    return {"type": "data", "symmetric": False, "array": above, "arrayminus": below, "thickness": 1.2, "width": 3}


def _said(point: Point | Star) -> str:
    return plain(point.made_of)


def cut(name: str) -> str:
    """`name` as it stands beside a chart, without its middle where it is long."""
    half = NAME // 2
    return name if len(name) <= NAME else f"{name[: half - 1]}…{name[-half:]}"


def _steps(points: Sequence[Point]) -> np.ndarray:
    return np.array([point.step for point in points])
