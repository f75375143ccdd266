"""Charts of arms and of trials."""

import pytest

from callsheet.experiments.statistics.methods import BETTER, NOT_SHOWN, WORSE, Comparison
from callsheet_plugins.report.figures.arms import Arm, by_arm, differences, short_names, trials


def test_arms_stand_in_rows_with_their_seeds_and_means():
    seeds, means = by_arm(
        "t.m", [Arm("a", {"a-0": 0.1, "a-1": 0.3}, 0.2, (0.0, 0.4)), Arm("b", {"b-0": 0.5}, 0.5)]
    ).data
    assert [*zip(seeds.y, seeds.x, strict=True)] == [("a", 0.1), ("a", 0.3), ("b", 0.5)]
    assert [*means.customdata] == ["over 2 seeds", "one seed, which has no interval"]


def test_each_kind_of_verdict_is_a_line_of_its_own():
    found = [
        Comparison("a", BETTER, 3, difference=0.1, level=0.05, interval=(0.05, 0.15)),
        Comparison("b", WORSE, 3, difference=-0.1, level=0.05, interval=(-0.15, -0.05)),
        Comparison("c", NOT_SHOWN, 3, difference=0.0, level=0.05),
    ]
    figure = differences("plain", found)
    assert [trace.name for trace in figure.data] == [BETTER, WORSE, NOT_SHOWN]
    assert figure.layout.xaxis.rangemode == "tozero"


def test_long_names_stay_apart():
    names = ["x" * 20 + middle + "y" * 20 for middle in "abc"]
    assert len({*short_names(names).values()}) == 3


@pytest.mark.parametrize(
    "values, scale", [([1e-5, 1e-3], "log"), ([1.0, 2.0], "linear"), (["a", 1.0], "category"), ([0.0, 5.0], "linear")]
)
def test_a_setting_has_the_scale_of_its_values(values, scale):
    figure = trials("t.m", "lr", [(f"trial-{at}", value, 0.5, "completed") for at, value in enumerate(values)])
    assert figure.layout.xaxis.type == scale


def test_trials_that_were_stopped_have_a_sign_of_their_own_behind_the_completed():
    figure = trials("t.m", "lr", [("trial-0", 1.0, 0.5, "stopped"), ("trial-1", 2.0, 0.6, "completed")])
    assert [(trace.name, trace.marker.symbol) for trace in figure.data] == [("completed", "circle"), ("stopped", "x")]
