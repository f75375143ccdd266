"""Charts of scores: intervals, dots, bands and texts that are no markup."""

from callsheet_plugins.report.figures.scores import BARS, Star, over_steps
from callsheet_plugins.report.figures.theme import LIGHT
from callsheet_plugins.report.scored.lines import Line, Point


def line(points, name="a", dots=(), weights="raw"):
    return Line(name, name, weights, points, [*dots])


def test_intervals_are_bars_and_a_point_without_one_has_none():
    (trace,) = over_steps("t.m", [line([Point(1, 0.5, 0.4, 0.7, "over prompts"), Point(2, 0.6)])]).data
    first, second = trace.error_y.array
    assert round(first, 6) == 0.2 and second != second
    assert trace.customdata[0][0] == "over prompts"


def test_many_points_have_a_band_whose_ends_the_table_holds():
    points = [Point(at, 0.5, 0.4, 0.6, "over 3 seeds") for at in range(BARS + 1)]
    low, high, trace = over_steps("t.m", [line(points)]).data
    assert (low.hoverinfo, high.fill, trace.error_y.array) == ("skip", "tonexty", None)
    assert trace.meta["columns"] == ["over", "low", "high"] and [*trace.customdata[0]] == ["over 3 seeds", 0.4, 0.6]


def test_many_lines_have_their_intervals_in_the_table_alone():
    drawn = over_steps("t.m", [line([Point(1, 0.5, 0.4, 0.6, "over prompts")], f"{at}") for at in range(7)]).data
    assert len(drawn) == 7 and all(trace.error_y.array is None for trace in drawn)
    assert drawn[0].meta["columns"] == ["over", "low", "high"]


def test_single_runs_are_dots_of_their_line_and_the_best_checkpoint_is_a_star():
    drawn = over_steps("t.m", [line([Point(1, 0.5)], dots=[("s0", 1, 0.4), ("s1", 1, 0.6)])], Star(1, 0.45)).data
    assert drawn[1].legendgroup == drawn[0].legendgroup and [*drawn[1].y] == [0.4, 0.6]
    assert (drawn[2].marker.symbol, [*drawn[2].y]) == ("star", [0.45])


def test_texts_are_no_markup():
    drawn = over_steps("<b>m", [line([Point(1, 0.5)], "<a href='x'>")])
    assert drawn.data[0].name == "&lt;a href='x'&gt;" and drawn.layout.yaxis.title.text == "&lt;b&gt;m"


def test_a_group_has_its_colour_in_whatever_order_lines_stand_and_dashes_tell_weights_apart():
    lines = [line([Point(1, 0.5)], "b"), line([Point(1, 0.5)], "a"), line([Point(1, 0.5)], "b", weights="bema")]
    drawn = over_steps("t.m", lines, groups=["a", "none", "b"]).data
    colours = [(trace.line.color, trace.line.dash) for trace in drawn]
    assert colours == [(LIGHT[2], "solid"), (LIGHT[0], "solid"), (LIGHT[2], "dash")]


def test_colours_tell_the_weights_of_one_run_apart():
    lines = [line([Point(1, 0.5)]), line([Point(1, 0.5)], weights="bema")]
    assert [trace.line.color for trace in over_steps("t.m", lines, groups=["a"]).data] == [*LIGHT[:2]]
