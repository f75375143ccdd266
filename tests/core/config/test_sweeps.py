"""Runs of a sweep: what each leaves to the others, what none of them means, and what each differs in."""

import pytest

from callsheet.cli.hydra_app import run_app
from callsheet.config.compose import compose
from callsheet.config.plan import make_plan
from callsheet.errors import CallsheetError


def runs(*overrides):
    """For each run of a sweep over the demo: the selected plugins, and what it is given."""
    seen = []

    def task(config, typed):
        seen.append((list(make_plan(config, typed).plugins), [*typed]))
        return 0

    run_app("check", task, ["-m", "recipe=demo", *overrides])
    return seen


def test_a_setting_of_a_plugin_that_another_run_selects_is_set_aside():
    without, with_it = runs("plugins=[],[bema]", "plugins.bema.update_freq=3")
    assert without[0] == [] and "++plugins.bema.update_freq=3" not in without[1]
    assert with_it[0] == ["bema"] and "++plugins.bema.update_freq=3" in with_it[1]


def test_it_needs_no_recipe_that_knows_the_plugin(callsheet):
    data = ("model.path=gpt2", "dataset.path=org/data")
    done = callsheet("check", "-m", *data, "plugins=[],[csv_metrics]", "plugins.csv_metrics.filename=a.csv")
    assert done.returncode == 0, done.stderr
    said = "plugins.csv_metrics.filename=a.csv is set aside: this run does not select csv_metrics."
    assert done.stderr.count(said) == 1


@pytest.mark.parametrize(
    "overrides",
    [
        ["plugins=[],[bema]", "plugins.bema.update_freq=3,5"],
        ["plugins=[csv_metrics]", "+plugins=[],bema", "plugins.bema.update_freq=3"],
        ["plugins=[bema]", "~plugins=[],bema", "plugins.bema.update_freq=3"],
        ["plugins=[],[bema]", "plugins.bema={update_freq: 3}"],
        ["plugins=[],[bema]", "~plugins=bema,[]"],
    ],
)
def test_it_is_found_out_by_whatever_selects(overrides):
    assert len({tuple(plugins) for plugins, _ in runs(*overrides)}) == 2


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["plugins=[],[csv_metrics]", "plugins.bema.update_freq=3"], "plugins.bema.update_freq=3, but no run of this sweep selects bema."),
        (["plugins=[]", "trainer.args.seed=1,2", "plugins.bema.lag=3"], "no run of this sweep selects bema."),
        (["plugins=[],[csv_metrics]", "~plugins=bema"], "~plugins=bema, but no run of this sweep selects bema."),
        (["plugins=[],[bema]", "plugins.bemo.lag=3"], "No plugin named 'bemo' is installed. Did you mean 'bema'?"),
        (["plugins=[],[bema]", "plugins.bema.lagg=3"], "Plugin 'bema' has no setting 'lagg'. Did you mean 'lag'?"),
        (["plugins=[],[bema]", "plugins.bema.update_freq=0"], "plugins.bema.update_freq must be at least 1, got 0."),
        (["plugins=[],[bema]", "plugins.bema.lag=long"], "plugins.bema.lag: Value 'long' of type 'str' could not be converted"),
    ],
)  # fmt: skip
def test_what_no_run_means_is_refused_by_the_first(callsheet, overrides, message):
    done = callsheet("check", "-m", "recipe=demo", *overrides)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert message in done.stderr and "Nothing wrong found" not in done.stdout


def test_a_single_run_refuses_it():
    for overrides in (["plugins=[]", "plugins.bema.lag=3"], ["plugins=[csv_metrics]", "~plugins=bema"]):
        with pytest.raises(CallsheetError, match="bema is not selected"):
            make_plan(compose(["recipe=demo", *overrides]), overrides)


def test_each_run_says_what_it_differs_in_and_no_secret(caplog):
    with caplog.at_level("INFO", "callsheet"):
        runs("plugins=[],[bema]", "trainer.args.seed=1,2", "callbacks.x.path=a.B", "callbacks.x.api_key=between-us,us")
    said = [line for line in caplog.messages if line.startswith("Run ")]
    assert said[0].startswith("Run 0 of the sweep: plugins=[] trainer.args.seed=1 callbacks.x.api_key=***")
    assert len(said) == 8 and "between-us" not in caplog.text


def selected(*overrides):
    return list(make_plan(compose(["recipe=demo", *overrides]), overrides).plugins)


def test_a_plugin_is_left_out():
    everything = selected()
    assert selected("~plugins=bema") == selected("~plugins.bema") == [name for name in everything if name != "bema"]
    left = [name for name in everything if name not in ("bema", "benchmarks", "csv_metrics")]
    assert selected("~plugins=[bema,benchmarks]", "~plugins=csv_metrics") == left
    assert selected("plugins=[bema]", "+plugins=csv_metrics", "~plugins=bema") == ["csv_metrics"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["~plugins=bemo"], "No plugin named 'bemo' is installed. Did you mean 'bema'?"),
        (["plugins=[csv_metrics]", "~plugins=bema"], "~plugins=bema, but bema is not selected. Selected: csv_metrics."),
        (["plugins=[]", "plugins.bema.lag=3"], "plugins.bema.lag cannot be set: bema is not selected."),
        (["~plugins=bema", "plugins.bema.lag=3"], "plugins.bema.lag cannot be set: bema is not selected."),
        (["~plugins"], "~plugins names no plugin: write ~plugins=NAME, or plugins=[] for none at all."),
        (["~plugins=bema,csv_metrics"], "write '~plugins=[bema,csv_metrics]' for a list, or add -m"),
    ],
)
def test_a_removal_that_removes_nothing_is_refused(callsheet, overrides, message):
    done = callsheet("check", "recipe=demo", *overrides)
    assert done.returncode == 2 and message in done.stderr, done.stderr
