from types import SimpleNamespace

import pytest

from callsheet_plugins.report.figures import cost
from callsheet_plugins.report.figures.costs import costs, has_costs, share_of


def run(costs, seconds=100.0):
    return SimpleNamespace(cost=costs, record={"outcome": {"seconds": seconds}})


def called(seconds, calls=1, failures=0):
    return {"calls": calls, "seconds": seconds, "slowest": seconds, "failures": failures}


def test_the_plugin_that_took_the_longest_comes_first_and_so_do_its_hooks():
    found = costs([run({"a": {"on_log": called(1)}, "b": {"on_log": called(1), "on_eval": called(5)}})])
    assert [(one.plugin, one.hook) for one in found] == [("b", "on_eval"), ("b", "on_log"), ("a", "on_log")]
    assert found[0].share == pytest.approx(0.05)


def test_of_several_runs_the_mean_is_over_those_that_called_it():
    runs = [run({"a": {"on_log": called(1, failures=1)}}), run({"a": {"on_log": called(3, failures=2)}}), run({})]
    (found,) = costs(runs)
    assert (found.seconds, found.slowest, found.failures, found.runs) == (2, 3, 3, 2)


@pytest.mark.parametrize(
    "damaged",
    [[], "x", {"a": None}, {"a": {"on_log": 3}}, {"a": {"on_log": {"calls": "many"}}}, {"a": {"on_log": {}}}],
)
def test_what_is_damaged_is_left_out(damaged):
    assert costs([run(damaged)]) == []
    assert not has_costs(run(damaged))


@pytest.mark.parametrize("seconds", [None, 0, "long", float("nan")])
def test_without_the_time_of_the_run_there_is_no_share(seconds):
    (found,) = costs([run({"a": {"on_log": called(1)}}, seconds)])
    assert found.share is None
    assert share_of(run({"a": {"on_log": called(1)}}, seconds)) != share_of(run({"a": {"on_log": called(1)}}, seconds))


def test_each_hook_has_bars_and_names_are_no_markup():
    figure = cost.figure(costs([run({"<b>": {"on_log": called(1), "on_eval": called(2)}})]), "seconds")
    assert [bar.name for bar in figure.data] == ["on_eval", "on_log"]
    assert figure.data[0].y == ("&lt;b&gt;",)


def test_of_many_hooks_the_shortest_are_one():
    many = {f"hook_{number}": called(number) for number in range(1, 21)}
    figure = cost.figure(costs([run({"a": many})]), "seconds")
    assert len(figure.data) == 8
    assert sum(bar.x[0] for bar in figure.data) == pytest.approx(210)
