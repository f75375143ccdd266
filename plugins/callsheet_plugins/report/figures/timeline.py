"""The timeline: when runs were at work, and when their checkpoints were saved, published and scored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from callsheet_plugins.report.figures.theme import look, plain
from callsheet_plugins.report.moments.lanes import Lane
from callsheet_plugins.report.moments.starts import KILLED, RUNNING
from callsheet_plugins.report.telling.visible import in_line

if TYPE_CHECKING:
    import plotly.graph_objects as go  # type: ignore[import-untyped]  # plotly ships no types

ATTEMPTS, SAVED, PUBLISHED, SCORED = "attempts", "saved", "published", "scored"
MOMENTS = {SAVED: ("circle", 0), PUBLISHED: ("diamond", 1), SCORED: ("star", 3)}  # symbol, and place of its colour
COLOURS = {"completed": 2, RUNNING: 5, "stopped": 4, "interrupted": 1, "failed": 7, KILLED: 6}
OTHER = 6  # and lines from save to score
LABEL = 32  # characters beside the axis

Trace = dict[str, Any]


def figure(lanes: Sequence[Lane]) -> go.Figure:
    """Of one run a row for each kind of moment, of several a row for each run."""
    import plotly.graph_objects as go

    is_one = len(lanes) == 1
    rows = [ATTEMPTS, *MOMENTS] if is_one else _labels(lanes)
    traces = [*_attempts(lanes, rows, is_one), *(_ways(lanes[0]) if is_one else ()), *_moments(lanes, rows, is_one)]
    return go.Figure(data=traces, layout=_layout(rows, is_one))


def _attempts(lanes: Sequence[Lane], rows: Sequence[str], is_one: bool) -> Iterator[Trace]:
    """Bars from the start to the end of attempts, those that ended in the same way together."""
    bars: dict[str, list[tuple[float, float, str, int]]] = {}
    for lane, row in zip(lanes, [ATTEMPTS] if is_one else rows, strict=True):
        for start in lane.starts:
            if start.started is not None:
                ended = start.started if start.took is None else start.ended
                bars.setdefault(start.how, []).append((start.started, ended or start.started, row, start.number))
    for how, found in bars.items():
        x, y, custom = list[str | None](), list[str | None](), list[list[Any]]()
        for began, ended, row, number in found:
            x += [_when(began), _when(ended), None]
            y += [row, row, None]
            custom += [[f"attempt {number} begins"], [f"attempt {number} ends: {how}"], [None]]
        colour = look(COLOURS.get(how, OTHER)).colour
        name = f"at work: {in_line(how, LABEL)}"
        drawn = {"mode": "lines", "line": {"width": 12, "color": colour}, "opacity": 0.45}
        yield _trace(name, x, y, custom, "what", "%{customdata[0]}<br>%{x}") | drawn


def _moments(lanes: Sequence[Lane], rows: Sequence[str], is_one: bool) -> Iterator[Trace]:
    for moment, (symbol, place) in MOMENTS.items():
        x, y, custom = list[str](), list[str](), list[list[Any]]()
        for lane, row in zip(lanes, [moment] if is_one else rows, strict=True):
            for stage in lane.stages:
                time = getattr(stage, moment)
                if time is not None:
                    x.append(_when(time))
                    y.append(row)
                    custom.append([f"step {stage.step}{f' ({in_line(stage.weights, 40)})' if stage.weights else ''}"])
        if x:
            marker = {"symbol": symbol, "size": 9, "color": look(place).colour}
            text = f"{moment}: %{{customdata[0]}}<br>%{{x}}"
            yield _trace(moment, x, y, custom, "what", text) | {"mode": "markers", "marker": marker}


def _ways(lane: Lane) -> Iterator[Trace]:
    """From the save of each checkpoint to its score."""
    x, y = list[str | None](), list[str | None]()
    for stage in lane.stages:
        way = [(moment, time) for moment in MOMENTS if (time := getattr(stage, moment)) is not None]
        if len(way) > 1:
            x += [*(_when(time) for _, time in way), None]
            y += [*(moment for moment, _ in way), None]
    if x:
        line = {"width": 1, "color": look(OTHER).faint}
        yield {
            "type": "scatter",
            "x": x,
            "y": y,
            "mode": "lines",
            "line": line,
            "hoverinfo": "skip",
            "showlegend": False,
        }


def _trace(name: str, x: Sequence[Any], y: Sequence[Any], custom: Sequence[Any], column: str, hover: str) -> Trace:
    said = [[plain(text) if isinstance(text, str) else text for text in row] for row in custom]
    about = {"name": plain(name), "legendgroup": plain(name), "hovertemplate": f"{hover}<extra></extra>"}
    return {"type": "scatter", "x": x, "y": y, "customdata": said, "meta": {"columns": [column]}, **about}


def _layout(rows: Sequence[str], is_one: bool) -> dict[str, Any]:
    order = {"type": "category", "categoryorder": "array", "categoryarray": list(rows)}
    down = {"range": [len(rows) - 0.5, -0.5], "fixedrange": True}
    return {
        "height": 110 + (40 if is_one else 24) * len(rows),
        "xaxis": {"title": {"text": "time (UTC)"}, "type": "date"},
        "yaxis": {"title": {"text": "moment" if is_one else "run"}, **order, **down, "tickson": "boundaries"},
        "hovermode": "closest",
    }


def _labels(lanes: Sequence[Lane]) -> list[str]:
    """A short name for each, which no other has."""
    shown = list[str]()
    for place, lane in enumerate(lanes, 1):
        text = in_line(lane.label)
        short = text if len(text) <= LABEL else f"{text[: LABEL // 2]}…{text[-LABEL // 2 :]}"
        shown.append(plain(short if short not in shown else f"{short} #{place}"))
    return shown


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-5]
