"""The arms of an experiment: seeds as dots, means and differences with intervals; and the trials of a search."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go  # type: ignore[import-untyped]  # plotly ships no types

from callsheet.experiments.statistics.methods import BETTER, NOT_SHOWN, WORSE, Comparison
from callsheet_plugins.report.figures.scores import cut
from callsheet_plugins.report.figures.theme import look, plain

COMPLETED = "completed"
ROW = 34  # pixels
NEUTRAL = look(6).colour  # where rows are arms: other charts give each arm a colour of its own
VERDICTS = {BETTER: (2, "triangle-right"), WORSE: (7, "triangle-left"), NOT_SHOWN: (6, "circle-open")}


@dataclass(frozen=True)
class Arm:
    """The scores of a method by run, their mean, and its interval at 95 % over seeds, where there is one."""

    name: str
    scores: Mapping[str, float]
    mean: float
    interval: tuple[float, float] | None = None


def by_arm(metric: str, arms: Sequence[Arm]) -> go.Figure:
    names = short_names([arm.name for arm in arms])
    dots = [(names[arm.name], score, run) for arm in arms for run, score in arm.scores.items()]
    seeds = go.Scatter(
        x=[score for _, score, _ in dots],
        y=[name for name, _, _ in dots],
        name="single seeds",
        mode="markers",
        marker={"color": NEUTRAL, "size": 8, "opacity": 0.6, "symbol": "circle-open"},
        customdata=[plain(run) for _, _, run in dots],
        meta={"columns": ["run"]},
        hovertemplate="%{customdata}: <b>%{x:.4g}</b><extra></extra>",
    )
    means = go.Scatter(
        x=[arm.mean for arm in arms],
        y=[names[arm.name] for arm in arms],
        error_x=bars([arm.interval for arm in arms], [arm.mean for arm in arms]),
        name="mean, 95 % over seeds",
        mode="markers",
        marker={"color": NEUTRAL, "size": 11, "symbol": "diamond"},
        customdata=[_said(arm) for arm in arms],
        meta={"columns": ["over"]},
        hovertemplate="%{y}: <b>%{x:.4g}</b><br>%{customdata}<extra></extra>",
    )
    return _rows([seeds, means], plain(metric), [names[arm.name] for arm in arms])


def differences(baseline: str, found: Sequence[Comparison]) -> go.Figure:
    """Mean differences from the baseline, each at the level at which its arm was decided."""
    names = short_names([each.method for each in found])
    traces = [_differences(kind, [each for each in found if each.verdict == kind], names) for kind in VERDICTS]
    figure = _rows(
        [trace for trace in traces if trace is not None],
        f"difference from {plain(cut(baseline))}",
        [names[each.method] for each in found],
    )
    return figure.update_xaxes(rangemode="tozero", zeroline=True, zerolinewidth=2, zerolinecolor=NEUTRAL)


def _differences(kind: str, found: Sequence[Comparison], names: Mapping[str, str]) -> go.Scatter | None:
    place, symbol = VERDICTS[kind]
    values = [each.difference or 0.0 for each in found]
    if not found:
        return None
    return go.Scatter(
        x=values,
        y=[names[each.method] for each in found],
        error_x=bars([each.interval for each in found], values),
        name=kind,
        mode="markers",
        marker={"color": look(place).colour, "size": 11, "symbol": symbol},
        customdata=[f"{100 * (each.confidence or 0):.3g} % over {each.pairs} seeds" for each in found],
        meta={"columns": ["interval"]},
        hovertemplate="%{y}: <b>%{x:+.4g}</b><br>%{customdata}<extra>%{fullData.name}</extra>",
    )


def trials(metric: str, setting: str, found: Sequence[tuple[str, object, float, str]]) -> go.Figure:
    """The score of each trial (name, value of the setting, score, how it ended) over one searched setting."""
    ends = sorted({end for *_, end in found}, key=lambda end: (end != COMPLETED, end))
    figure = go.Figure([*_ends(found, ends)])
    values = [value for _, value, _, _ in found]
    return figure.update_layout(
        xaxis={"title": {"text": plain(setting)}, **_scale(values)},
        yaxis={"title": {"text": plain(metric)}},
        height=320,
    )


def _ends(found: Sequence[tuple[str, object, float, str]], ends: Sequence[str]) -> Iterator[go.Scatter]:
    symbols = ("circle", "x", "diamond", "square")
    for place, end in enumerate(ends):
        rows = [row for row in found if row[-1] == end]
        yield go.Scatter(
            x=[value if _is_number(value) else plain(value) for _, value, _, _ in rows],
            y=[score for _, _, score, _ in rows],
            name=plain(end),
            mode="markers",
            marker={"color": look(place).colour, "size": 9, "symbol": symbols[place % len(symbols)]},
            customdata=[plain(name) for name, *_ in rows],
            meta={"columns": ["trial"]},
            hovertemplate="%{customdata}: <b>%{y:.4g}</b><br>at %{x}<extra>%{fullData.name}</extra>",
        )


def bars(intervals: Sequence[tuple[float, float] | None], values: Sequence[float]) -> dict[str, object] | None:
    if not any(intervals):
        return None
    above = [found[1] - value if found else math.nan for found, value in zip(intervals, values, strict=True)]
    below = [value - found[0] if found else math.nan for found, value in zip(intervals, values, strict=True)]
    return {"type": "data", "symmetric": False, "array": above, "arrayminus": below, "thickness": 1.5, "width": 5}


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Each name as it stands beside the chart: no two are the same there.

    >>> short_names(["a" * 40 + "1", "a" * 40 + "2"])["a" * 40 + "2"]
    'aaaaaaaaaaaaaa…aaaaaaaaaaaaaa2'
    """
    found: dict[str, str] = {}
    for name in names:
        short = plain(cut(name))
        found[name] = short if short not in found.values() else f"{short} ({len(found) + 1})"
    return found


def _rows(traces: Sequence[go.Scatter], title: str, names: Sequence[str]) -> go.Figure:
    """One row for each name, the first on top."""
    layout = {
        "xaxis": {"title": {"text": title}},
        "yaxis": {
            "title": {"text": "arm"},
            "type": "category",
            "categoryorder": "array",
            "categoryarray": [*reversed(names)],
        },
        "height": 80 + ROW * max(len(names), 2),
    }
    return go.Figure(list(traces), layout)


def _said(arm: Arm) -> str:
    return f"over {len(arm.scores)} seeds" if len(arm.scores) > 1 else "one seed, which has no interval"


def _scale(values: Sequence[object]) -> dict[str, object]:
    """Logarithmic where positive numbers span two powers of ten."""
    numbers = [float(value) for value in values if _is_number(value)]  # type: ignore[arg-type]
    if len(numbers) < len(values) or not numbers:
        return {"type": "category"}
    if min(numbers) > 0 and max(numbers) >= 100 * min(numbers):
        return {"type": "log", "dtick": 1, "exponentformat": "e"}
    return {"type": "linear"}


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
