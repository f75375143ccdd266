from callsheet_plugins.report.page.payload import part
from callsheet_plugins.report.sections.cost import section
from plugins.report.logged import report, run

CALLED = {"calls": 2, "seconds": 5.0, "slowest": 4.0, "failures": 0}
TOOK = {"outcome": {"seconds": 100.0}}


def text(made):
    return part(made).html


def test_without_costs_there_is_no_section():
    assert section(report(run("a", {}))) is None


def test_one_run_says_what_plugins_took_of_it():
    made = section(report(run("a", {}, cost={"bema": {"on_log": CALLED}}, record=TOOK)))
    assert "All plugins together took 5 % of the run" in text(made)
    assert made.values["rows"] == [["bema", "on_log", 5.0, 5.0, 2, 4.0]]


def test_runs_without_costs_are_counted():
    made = section(report(run("a", {}, cost={"bema": {"on_log": CALLED}}, record=TOOK), run("b", {})))
    assert "1 of 2 runs have it" in text(made)
    assert "5 % of a run on average" in text(made)


def test_what_raised_is_said():
    made = section(report(run("a", {}, cost={"bema": {"on_log": CALLED | {"failures": 3}}})))
    assert "bema raised 3 times in on_log" in text(made)
    assert made.values["columns"][-1] == "failures"


def test_a_hundred_plugins_are_in_the_table_and_the_longest_in_the_chart():
    cost = {f"plugin {number}": {"on_log": CALLED | {"seconds": number}} for number in range(1, 101)}
    made = section(report(run("a", {}, cost=cost)))
    assert len(made.values["rows"]) == 100
    assert made.figures["seconds"].data[0].y[0] == "plugin 100"
    assert len(made.figures["seconds"].data[0].y) == 30
    assert "70 more are in the table" in text(made)
