from callsheet_plugins.report.figures.lines.charts import arms, charts
from callsheet_plugins.report.figures.lines.room import CHARTS, EACH, POINTS, roomed
from plugins.report.logged import report, run


def of(count: int, names: list[str], steps: int = 500):
    runs = [run(f"{number}", {("train", name): [0.0] * steps for name in names}) for number in range(count)]
    return roomed(charts(arms(report(*runs))))


def taken(room) -> int:
    return sum(chart.size * min(points, chart.longest) for chart, points in [*room.opened, *room.folded])


def test_a_single_run_has_all_points_that_a_line_may_have():
    room = of(1, ["loss", "kl"])
    assert [points for _, points in (*room.opened, *room.folded)] == [EACH, EACH]


def test_many_runs_share_the_room_and_open_charts_are_finer():
    room = of(500, ["loss", "kl", "entropy"])
    assert POINTS * 0.9 < taken(room) <= POINTS
    assert room.opened[0][1] > room.folded[0][1]


def test_short_series_leave_their_room_to_others():
    room = of(1000, ["loss", "kl"], steps=10)
    assert room.opened[0][1] == EACH
    assert not room.left


def test_the_least_important_are_left_out():
    room = of(1000, ["learning_rate", "loss", *(f"metric {number:02}" for number in range(20))])
    assert [chart.metric for chart, _ in room.opened] == ["loss"]
    assert room.left[-1].metric == "learning_rate"
    assert taken(room) <= POINTS


def test_there_are_no_more_charts_than_a_reader_scrolls_past():
    room = of(1, [f"metric {number}" for number in range(200)], steps=2)
    assert len(room.opened) + len(room.folded) == CHARTS
    assert len(room.left) == 200 - CHARTS


def test_without_a_metric_that_is_known_the_first_is_open():
    assert [chart.metric for chart, _ in of(1, ["zeta", "alpha"]).opened] == ["alpha"]
