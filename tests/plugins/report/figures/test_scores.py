"""Charts of scores: intervals, dots, bands and texts that are no markup."""

from callsheet_plugins.report.figures.scores import BARS, Star, over_steps
from callsheet_plugins.report.scored.lines import Line, Point


def line(points, name="a", dots=()):
    return Line(name, name, "raw", points, [*dots])


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
