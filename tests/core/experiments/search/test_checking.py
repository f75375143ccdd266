"""What a search or halving cannot be is said before anything runs."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from callsheet import CallsheetError
from callsheet.config.experiment import ExperimentSettings, HalvingSettings
from callsheet.experiments import search

from .conftest import LR, Experiment


def refusal(settings: ExperimentSettings) -> str:
    with pytest.raises(CallsheetError) as refused:
        search.check(settings)
    return str(refused.value)


@pytest.mark.parametrize(
    ("axis", "said"),
    [
        ([], "has no choices"),
        (["a", "b", "a"], 'has the choice "a" twice'),
        ([[1], [1]], "has the choice [1] twice"),
        (3e-4, "is 0.0003. Write {low: 1e-4, high: 1e-2, log: true} or a list of choices."),
        ("1e-4..1e-2", "is '1e-4..1e-2'"),
        (None, "is None"),
        ({}, "has no low and no high"),
        ({"low": 1}, "has no high"),
        ({"low": 1, "hihg": 2}, "has the key 'hihg'. Did you mean 'high'?"),
        ({"low": 2, "high": 1}, "has low: 2, which is more than high: 1"),
        ({"low": 0.0, "high": 1.0, "log": True}, "has low: 0.0 with log: true"),
        ({"low": -1.0, "high": 1.0, "log": True}, "has low: -1.0 with log: true"),
        ({"low": 1.0, "high": 2.0, "log": "yes"}, "has log: 'yes'. Write true or false."),
        ({"low": 1.0, "high": 2.0, "log": True, "step": 0.5}, "has both log: true and step: 0.5"),
        ({"low": 1.0, "high": 2.0, "step": 0}, "has step: 0. A step is more than 0."),
        ({"low": 1, "high": 2, "step": 0.5}, "has step: 0.5 between whole numbers. For floats write low: 1.0"),
        ({"low": "1", "high": 2}, "has low: '1', which is no finite number"),
        ({"low": True, "high": 2}, "has low: True, which is no finite number"),
        ({"low": 1.0, "high": float("inf")}, "has high: inf, which is no finite number"),
        ({"low": float("nan"), "high": 1.0}, "has low: nan, which is no finite number"),
        ({"low": None, "high": 1.0}, "has low: None, which is no finite number"),
    ],
)
def test_an_axis_that_cannot_be_searched_is_named(experiment: Experiment, axis: Any, said: str) -> None:
    assert f"experiment.search.space.seed {said}" in refusal(experiment({"seed": axis}))


@pytest.mark.parametrize(
    "axis",
    [LR, [1], ["a", None, True, 2.5], [[1, 2], {"a": 1}], {"low": 1, "high": 1}, {"low": 0, "high": 8, "step": 3},
     {"low": 0.0, "high": 1, "step": 0.3}, {"low": 1, "high": 64, "log": True}],
)  # fmt: skip
def test_what_optuna_can_draw_from_is_taken(experiment: Experiment, axis: Any) -> None:
    search.check(experiment({"trainer.args.learning_rate": axis}))


def test_every_axis_and_the_metric_are_said_at_once(experiment: Experiment) -> None:
    said = refusal(experiment({"a": [], "b": {"low": 2, "high": 1}}, success_metric=None))

    assert said.count("\n") == 2 and "Set experiment.success_metric." in said


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sampler": "TPESamplr"}, "'TPESamplr'. Did you mean 'TPESampler'? Experiments can use: "),
        ({"sampler": "PartialFixedSampler"}, "is 'PartialFixedSampler'. "),
        ({"sampler": "BaseSampler"}, "is 'BaseSampler'. "),
        ({"sampler": "nsgaii"}, "is 'nsgaii'. "),
        ({"sampler": "GridSampler"}, "search.space.lr has no end of them"),
        ({"sampler": "BruteForceSampler"}, "search.space.lr has no end of them"),
        ({"repeats": 3}, "experiment.repeats is 3, and a search tries each arm once"),
    ],
)
def test_what_does_not_go_with_the_search_is_named(experiment: Experiment, settings: dict[str, Any], said: str) -> None:
    assert said in refusal(experiment({"lr": LR}, **settings))


def test_a_sampler_without_its_package_says_which(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cmaes", None)

    assert "'CmaEsSampler', which needs the package cmaes: pip install cmaes" in refusal(
        experiment({"lr": LR, "decay": LR}, sampler="CmaEsSampler")
    )


def test_more_trials_than_a_grid_has_combinations_are_refused(experiment: Experiment) -> None:
    axes = {"a": [1, 2], "b": {"low": 0.0, "high": 0.3, "step": 0.1}}

    search.check(experiment(axes, sampler="GridSampler", trials=8))
    assert "trials is 9, and the space has 8 combinations" in refusal(experiment(axes, sampler="GridSampler", trials=9))


@pytest.mark.parametrize("sampler", ["GridSampler", "BruteForceSampler"])
def test_a_grid_of_millions_is_refused_before_it_is_made(experiment: Experiment, sampler: str) -> None:
    axes = {name: {"low": 1, "high": 1000} for name in "abcd"}

    assert "the space has 1,000,000,000,000 of them" in refusal(experiment(axes, sampler=sampler))


@pytest.mark.parametrize(
    ("others", "said"),
    [({"repeats": 3}, "would stop some seeds of an arm"), ({"stages": {"a": [], "b": []}}, "the steps of one stage")],
)
def test_halving_compares_nothing_that_had_other_chances(
    experiment: Experiment, others: dict[str, Any], said: str
) -> None:
    assert said in refusal(experiment(halving=HalvingSettings(min_steps=4), **others))


@pytest.mark.parametrize("axes", [{}, {"lr": LR}])
def test_without_optuna_the_extra_is_named(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch, axes: dict[str, Any]
) -> None:
    monkeypatch.setattr("callsheet.experiments.search.checking.find_spec", lambda name: None)
    user = "search" if axes else "search.halving"

    said = refusal(experiment(axes, halving=HalvingSettings(min_steps=4)))

    assert said == f"experiment.{user} needs the package optuna: pip install 'callsheet[search]'"


def test_an_experiment_without_search_needs_nothing(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callsheet.experiments.search.checking.find_spec", lambda name: None)

    search.check(experiment(success_metric=None, repeats=3))


def test_examples_are_the_first_and_the_last_values(experiment: Experiment) -> None:
    settings = experiment({"lr": LR, "model": ["a", "b"], "list": [[1, "x"], {"k": None}]})

    assert search.examples(settings) == [
        ("lr=0.0001", "model=a", "list=[1,x]"),
        ("lr=0.1", "model=b", "list={k:null}"),
    ]
    assert search.examples(experiment()) == []


def test_every_arm_carries_the_plugin_where_halving_is_on(experiment: Experiment) -> None:
    settings = experiment(halving=HalvingSettings(min_steps=50, factor=4), success_metric="my test.exact_match")

    assert search.overrides(experiment({"lr": LR})) == []
    assert search.overrides(settings) == [
        "+plugins=halving",
        'plugins.halving.metric="my test.exact_match"',
        "plugins.halving.direction=minimize",
        "plugins.halving.min_steps=50",
        "plugins.halving.factor=4",
    ]
