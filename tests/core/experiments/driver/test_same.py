"""What of an experiment may change while it goes on, and how the rest is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from callsheet import CallsheetError
from callsheet.experiments.driver import same
from callsheet.experiments.driver.record import Command, Record
from callsheet.experiments.queue import Entry

HERE = Path("outputs/mine")
SCORED = [{"name": "a", "method": "a", "score": 0.5}]
SETTINGS = {"name": "mine", "success_metric": "test.accuracy", "repeats": 3, "arms": {"a": []}, "search": {"trials": 5}}


def entry(name: str, digest: str = "1", *overrides: str) -> Entry:
    return Entry(name, name, overrides=overrides, digest=digest)


def test_more_arms_repeats_trials_and_time_are_the_same_experiment():
    more = {"arms": {"a": [], "b": ["peft=lora"]}, "repeats": 5, "search": {"trials": 9}, "budget": {"hours": 2}}
    same.require_settings(Record("mine", Command(), SETTINGS), SETTINGS | more, HERE)
    there = [entry("a")]
    same.require_arms([*there, entry("b", "2")], there, HERE, ())


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"success_metric": "test.loss"}, "experiment.success_metric is 'test.accuracy' there and 'test.loss' here"),
        ({"baseline": "a"}, "experiment.baseline is None there and 'a' here"),
        ({"search": {"trials": 5, "sampler": "x"}}, "experiment.search.sampler is None there and 'x' here"),
    ],
)
def test_what_decides_the_verdict_is_not(changed: dict[str, object], said: str):
    with pytest.raises(CallsheetError) as refused:
        same.require_settings(Record("mine", Command(), SETTINGS, arms=SCORED), SETTINGS | changed, HERE)
    assert said in str(refused.value) and "experiment.name=…" in str(refused.value)


def test_a_metric_that_scored_no_arm_may_be_corrected():
    unscored = Record("mine", Command(), SETTINGS, arms=[{"name": "a", "method": "a", "score": None}])
    same.require_settings(unscored, SETTINGS | {"success_metric": "test.exact_match"}, HERE)
    with pytest.raises(CallsheetError, match="experiment.baseline"):
        same.require_settings(unscored, SETTINGS | {"baseline": "b"}, HERE)


def test_an_arm_that_changed_is_refused_with_what_changed_and_may_be_run_again():
    there = [entry("a", "1", "trainer.args.seed=1", "peft=lora"), entry("b")]
    now = [entry("a", "2", "trainer.args.seed=2"), entry("b")]
    with pytest.raises(CallsheetError) as refused:
        same.require_arms(now, there, HERE, ())
    said = str(refused.value)
    assert "holds the arm a, which is another run by now" in said and "(--rerun ARM, for each)" in said
    assert "a (peft was lora and is not set; trainer.args.seed was 1 and is 2)" in said
    same.require_arms(now, there, HERE, {"a"})


def test_a_file_that_changed_below_an_arm_is_noticed_too():
    there = [entry("a", "1", "peft=lora")]
    with pytest.raises(CallsheetError, match="a file that it is composed from has changed"):
        same.require_arms([replace(there[0], digest="2")], there, HERE, ())


def test_what_changed_for_all_arms_is_said_once():
    there, now = ([entry(name, digest) for name in "ab"] for digest in "12")
    with pytest.raises(CallsheetError, match="the arms a, b, which are other runs by now: peft was lora and is none"):
        same.require_arms(now, there, HERE, (), (["peft=lora"], ["peft=none"]))


def test_an_arm_that_is_left_out_is_named():
    with pytest.raises(CallsheetError, match="holds the arm b, which the experiment no longer has"):
        same.require_arms([entry("a")], [entry("a"), entry("b")], HERE, ())


def test_another_version_is_refused():
    with pytest.raises(CallsheetError, match=r"begun by Callsheet 0\.0\.9, and this is"):
        same.require_version(Record("mine", Command(), {}, callsheet="0.0.9"), HERE)
