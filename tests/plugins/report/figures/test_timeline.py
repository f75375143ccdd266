from callsheet_plugins.report.figures.timeline import ATTEMPTS, LABEL, figure
from callsheet_plugins.report.moments.lanes import Lane
from callsheet_plugins.report.moments.stages import Stage
from callsheet_plugins.report.moments.starts import Start
from callsheet_plugins.report.page.figure_json import figure_json

BEGAN = 1_795_000_000.0


def start(
    number: int = 1, began: float | None = BEGAN, ended: float | None = BEGAN + 60, how: str = "completed"
) -> Start:
    return Start(number, began, ended, how, "node-1", 4, "", left_no_word=False, gap=None)


def stage(step: int = 1, **times: float) -> Stage:
    return Stage(step, f"checkpoint-{step}", "deleted", weights="raw", is_published=True, **times)


def named(lanes: list[Lane]) -> dict[str, list[str]]:
    return {trace.name: [*trace.y] for trace in figure(lanes).data if trace.name}


def test_of_one_run_each_kind_of_moment_has_a_row():
    lane = Lane("run", [start()], [stage(saved=BEGAN + 1, published=BEGAN + 2, scored=BEGAN + 3)])
    assert named([lane]) == {
        "at work: completed": [ATTEMPTS, ATTEMPTS, None],
        "saved": ["saved"],
        "published": ["published"],
        "scored": ["scored"],
    }


def test_of_several_each_run_has_a_row():
    lanes = [Lane(name, [start(how=how)], [stage(saved=BEGAN)]) for name, how in (("a", "completed"), ("b", "killed"))]
    assert named(lanes) == {
        "at work: completed": ["a", "a", None],
        "at work: killed": ["b", "b", None],
        "saved": ["a", "b"],
    }


def test_long_and_hostile_names_are_short_text_that_differs():
    names = ["x" * 200 + "<b>1</b>" + "y" * 200, "x" * 200 + "2" + "y" * 200, "<a href='javascript:alert(1)'>"]
    made = figure([Lane(name, [start()], []) for name in names])
    rows = made.layout.yaxis.categoryarray
    assert len(set(rows)) == 3
    assert max(map(len, rows)) < LABEL * 2
    assert "<a" not in figure_json(made)
    assert {*filter(None, made.data[0].y)} == {*rows}


def test_what_has_no_time_is_not_drawn():
    assert figure([Lane("run", [start(began=None)], [stage()])]).data == ()


def test_an_attempt_whose_end_nobody_knows_is_a_point():
    (trace,) = figure([Lane("run", [start(ended=None)], [])]).data
    assert trace.x[0] == trace.x[1]
