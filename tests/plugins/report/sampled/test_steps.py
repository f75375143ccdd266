import pytest

from callsheet_plugins.report.sampled.steps import by_worth


@pytest.mark.parametrize("count", range(20))
def test_each_step_comes_once_the_newest_and_the_first_before_the_others(count: int):
    steps = [number * 10 for number in range(count)]
    found = [*by_worth(steps)]
    assert sorted(found) == steps
    assert found[:2] == list(dict.fromkeys([*steps[-1:], *steps[:1]]))


def test_what_comes_next_lies_between_them():
    assert [*by_worth(range(0, 101, 10))][2:5] == [50, 20, 70]
