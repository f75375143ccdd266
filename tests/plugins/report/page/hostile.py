"""A page whose every text is hostile: what users may call runs, metrics and answers."""

from __future__ import annotations

from pathlib import Path

import jinja2
import numpy as np
import plotly.graph_objects as go

from callsheet_plugins.report.figures.theme import look, plain
from callsheet_plugins.report.page.build import whole
from callsheet_plugins.report.page.payload import part
from callsheet_plugins.report.page.section import Section
from callsheet_plugins.report.page.templates import environment

TEXT = """<b>x</b><a href="javascript:alert(1)">l</a><img src=x onerror=alert(1)><script>alert(1)</script>
</script><!-- & &lt; \u2028 \u202e {{ 7 * 7 }} "'` %{y} $x$ \x00 ]]>"""
TEMPLATE = """
<p class="lead">{{ text }}</p>
{{ chart("lines " ~ text, "Lines " ~ text) }}
{{ chart("bars", "Bars") }}
{{ table(["Run", "Steps", text], rows, "Runs " ~ text, search=true) }}
{{ facts([("a number", 1.23456), (text, text)]) }}
{% call fold("More of " ~ text) %}<p>{{ text }}</p>{{ chart("folded", "Folded") }}{% endcall %}
{{ copy(text) }} {{ status(text, "good") }}
"""
ROWS = [[f"run {at}", at * 7 % 100, at / 7] for at in range(70)]


def hostile(folder: Path, sections: int = 2) -> Path:
    """It, in a file with as hostile a name as its system takes."""
    environment().loader = jinja2.ChoiceLoader([environment().loader, jinja2.DictLoader({"hostile": TEMPLATE})])
    rows = [[TEXT, None, float("nan")], ["Zoë", 3, 1e-9], *ROWS]
    figures = {"lines " + TEXT: lines(), "bars": bars(), "folded": lines()}
    made = [
        Section(f"s{at}", f"{at} {TEXT}", "hostile", {"text": TEXT, "rows": rows}, figures) for at in range(sections)
    ]
    file = folder / "re port <b>'#%41é.html"
    file.write_text(whole(TEXT, [part(section) for section in made]), encoding="utf-8")
    return file


def lines() -> go.Figure:
    """Three lines with bands: one named plainly, one that somebody forgot to escape, one escaped."""
    figure, steps = go.Figure(), np.arange(100)
    for at, name in enumerate(("plain", TEXT, plain(TEXT))):
        values, looks = np.exp(-steps / 30) + at / 10, look(at)
        both = {"x": np.r_[steps, steps[::-1]], "y": np.r_[values + 0.1, (values - 0.1)[::-1]], "line_width": 0}
        figure.add_scatter(
            **both, fill="toself", fillcolor=looks.faint, hoverinfo="skip", legendgroup=name, showlegend=False
        )
        named = {
            "name": name,
            "legendgroup": name,
            "line": {"color": looks.colour, "dash": looks.dash},
            "mode": "lines",
        }
        figure.add_scatter(x=steps, y=values, hovertemplate=f"%{{y}} of {plain(name)}<extra></extra>", **named)
    return figure.update_layout(xaxis_title="step", yaxis_title=TEXT)


def bars() -> go.Figure:
    figure = go.Figure(go.Bar(x=["a", TEXT], y=[1, 2], error_y={"array": [0.5, 0.25]}))
    return figure.update_layout(xaxis_title="arm", yaxis_title="score")
