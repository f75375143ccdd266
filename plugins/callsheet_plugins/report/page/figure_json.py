"""Figures as the page carries them: JSON in which no text is markup, neither to the browser nor to plotly."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from callsheet_plugins.report.telling.visible import visible

if TYPE_CHECKING:
    import plotly.graph_objects as go  # type: ignore[import-untyped]  # plotly ships no types

# What a script element may not hold as it is; JSON may write any sign by its number.
BY_NUMBER = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}
# Plotly takes some of HTML in any text, links among it. These alone are left to it.
IN_DATA = re.compile("<(?!br>)")
ELSEWHERE = re.compile("<(?!(?:br|/?(?:sub|sup|extra))>)")


def figure_json(figure: go.Figure) -> str:
    """`figure` for a script element, without the template: the page brings its own, for light and for dark."""
    content = figure.to_dict()
    layout = {key: value for key, value in content.get("layout", {}).items() if key != "template"}
    return in_a_script({"data": _text(content["data"], IN_DATA), "layout": _text(layout, ELSEWHERE)})


def in_a_script(content: Any) -> str:
    """JSON that cannot end the script element that holds it."""
    from plotly.utils import PlotlyJSONEncoder  # type: ignore[import-untyped]  # plotly ships no types

    return json.dumps(content, cls=PlotlyJSONEncoder, separators=(",", ":")).translate(BY_NUMBER)


def _text(content: Any, markup: re.Pattern[str]) -> Any:
    """`content` whose texts are shown as they are. What `theme.plain` has escaped stays as it is."""
    if isinstance(content, str):
        return markup.sub("&lt;", visible(content))
    if isinstance(content, dict):
        return {key: _text(value, ELSEWHERE if key.endswith("template") else markup) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_text(value, markup) for value in content]
    return content
