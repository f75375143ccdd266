"""The settings in which runs differ."""

from callsheet_plugins.report.glance.settings import ABSENT, OFF, ON, differing, differing_runs, short_names


def config(**args):
    return {"output_dir": str(args), "trainer": {"args": {"seed": 0, **args}}, "plugins": {}}


def test_only_settings_that_differ_are_told_with_the_value_of_each_run():
    found = differing([config(learning_rate=1e-3), config(learning_rate=1e-4), config(learning_rate=1e-3)])
    assert found == {"trainer.args.learning_rate": [1e-3, 1e-4, 1e-3]}


def test_equal_runs_one_run_and_none_differ_in_nothing():
    assert differing([config(), config()]) == differing([config()]) == differing([]) == {}


def test_where_a_run_lies_is_no_setting():
    assert differing([{"output_dir": "a", "resume": "auto"}, {"output_dir": "b", "resume": "never"}]) == {}


def test_a_plugin_that_only_some_have_is_on_or_off_and_its_settings_are_compared_among_those():
    with_plugin = [{"plugins": {"bema": {"lag": lag, "power": 1}}} for lag in (1, 2)]
    found = differing([*with_plugin, {"plugins": {}}])
    assert found == {"plugins.bema": [ON, ON, OFF], "plugins.bema.lag": [1, 2, ABSENT]}
    assert differing([with_plugin[0], {"plugins": {}}]) == {"plugins.bema": [ON, OFF]}


def test_a_setting_that_is_missing_is_absent():
    assert differing([{"a": 1}, {}]) == {"a": [1, ABSENT]}
    assert differing([{"a": {"b": 1}}, {"a": "text"}]) == {"a": [{"b": 1}, "text"]}


def test_short_names_are_unique_and_leave_those_of_columns():
    names = ["trainer.args.seed", "dataset.seed", "trainer.args.steps", "model.path", "plugins.bema.lag"]
    found = short_names(names, taken=["steps"])
    assert [*found.values()] == ["args.seed", "dataset.seed", "args.steps", "model.path", "bema.lag"]


def test_a_run_whose_configuration_is_unknown_differs_in_nothing():
    assert differing_runs([{"a": 1, "b": 1}, {}, {"a": 2, "b": 1}]) == {"a": [1, ABSENT, 2]}
    assert differing_runs([{"a": 1}, {}]) == differing_runs([{}, {}]) == {}
