import json

import numpy as np
import plotly.graph_objects as go

from callsheet_plugins.report.figures.theme import plain
from callsheet_plugins.report.page.figure_json import figure_json, in_a_script

LINK = '<a href="javascript:alert(1)">x</a>'


def test_no_text_ends_the_script_element_that_holds_it():
    said = in_a_script({"</script>": "<!-- <script> & \u2028\u2029"})
    assert not set("<>&\u2028\u2029") & set(said)
    assert json.loads(said) == {"</script>": "<!-- <script> & \u2028\u2029"}


def test_no_text_of_a_figure_is_markup_escaped_by_its_author_or_not():
    figure = go.Figure(go.Bar(name=LINK, x=[LINK, plain(LINK)], y=[1, 2], text=["a<br>b"] * 2, customdata=[[LINK]] * 2))
    figure.update_traces(hovertemplate=f"{LINK} %{{y}}<extra></extra>").update_layout(xaxis_title=LINK)
    made = json.loads(figure_json(figure))
    (bar,) = made["data"]
    texts = [
        bar["name"],
        *bar["x"],
        *bar["customdata"][0],
        bar["hovertemplate"],
        made["layout"]["xaxis"]["title"]["text"],
    ]
    assert not any("<a" in text for text in texts)
    assert (bar["text"][0], bar["hovertemplate"][-15:]) == ("a<br>b", "<extra></extra>")


def test_no_sign_turns_the_text_around_it():
    assert "⟨U+202E⟩" in json.loads(figure_json(go.Figure(go.Bar(name="a\u202eb"))))["data"][0]["name"]


def test_numbers_that_are_none_are_null_and_arrays_are_packed():
    scatter = go.Scatter(x=[1.0, float("nan")], y=np.arange(1000.0))
    (made,) = json.loads(figure_json(go.Figure(scatter)))["data"]
    assert (made["x"], made["y"]["dtype"]) == ([1.0, None], "f8")


def test_no_figure_carries_the_template_of_plotly():
    assert len(figure_json(go.Figure(go.Bar(y=[1])))) < 100
