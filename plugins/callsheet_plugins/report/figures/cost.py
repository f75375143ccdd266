"""The chart of what plugins cost: a bar for each plugin, made of its hooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from callsheet_plugins.report.figures.costs import Cost, totals
from callsheet_plugins.report.figures.theme import LIGHT, look, plain

if TYPE_CHECKING:
    import plotly.graph_objects as go  # type: ignore[import-untyped]  # plotly ships no types

COLOURS = len(LIGHT)  # hooks that have one of their own
OTHERS = "other hooks"
BAR, AROUND = 28, 90  # pixels


def figure(costs: Sequence[Cost], unit: str) -> go.Figure:
    """Bars of seconds, the longest at the top; `unit` is the title of their axis."""
    import plotly.graph_objects as go

    plugins = list(totals(costs))
    return go.Figure(
        data=[_bar(place, hook, of) for place, (hook, of) in enumerate(_by_hook(costs).items())],
        layout={
            "height": AROUND + BAR * len(plugins),
            "barmode": "stack",
            "xaxis": {"title": {"text": unit}, "rangemode": "tozero"},
            "yaxis": {
                "title": {"text": "plugin"},
                "type": "category",
                "categoryorder": "array",
                "categoryarray": [plain(name) for name in plugins],
                "autorange": "reversed",
            },
        },
    )


def _by_hook(costs: Sequence[Cost]) -> dict[str, list[Cost]]:
    """The hooks that take the longest, and all others as one."""
    seconds: dict[str, float] = {}
    for cost in costs:
        seconds[cost.hook] = seconds.get(cost.hook, 0.0) + cost.seconds
    longest = sorted(seconds, key=lambda hook: -seconds[hook])
    first = longest if len(longest) <= COLOURS else longest[: COLOURS - 1]
    found: dict[str, list[Cost]] = {hook: [] for hook in first}
    for cost in costs:
        found.setdefault(cost.hook if cost.hook in first else OTHERS, []).append(cost)
    return found


def _bar(place: int, hook: str, costs: Sequence[Cost]) -> dict[str, Any]:
    total = totals(costs)
    return {
        "type": "bar",
        "orientation": "h",
        "name": plain(hook),
        "x": list(total.values()),
        "y": [plain(plugin) for plugin in total],
        "marker": {"color": look(place).colour},
        "hovertemplate": "%{y}: %{x:.4g} s",
    }
