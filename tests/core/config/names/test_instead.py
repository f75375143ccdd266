"""Of settings that exclude each other, a typed one takes the place of one from a recipe."""

from __future__ import annotations

import pytest

from callsheet.config.compose import compose
from callsheet.config.plan import make_plan
from callsheet.config.schema import DatasetSettings
from callsheet.data.sources import contradiction


def settings(*overrides: str) -> DatasetSettings:
    return make_plan(compose(["recipe=demo", *overrides]), overrides).dataset


@pytest.mark.parametrize(
    "override",
    ["dataset.eval={a: a.jsonl}", "dataset.eval.a=a.jsonl", "dataset.eval=a.jsonl", "dataset.test_split_size=0.1"],
)
def test_another_way_to_evaluate_replaces_that_of_the_recipe(override: str) -> None:
    found = settings(override)

    assert found.eval_path is None and (found.eval or found.test_split_size) and contradiction(found) == ""


def test_a_mixture_replaces_the_data_set_of_the_recipe() -> None:
    found = settings("dataset.mixture=[{path: a.jsonl}]")

    assert found.path is None and found.eval_path is not None and contradiction(found) == ""


def test_a_setting_of_the_recipe_stays_where_none_is_typed_in_its_place() -> None:
    recipe, emptied = settings(), settings("dataset.eval=null", "dataset.mixture=[]")

    assert (emptied.path, emptied.eval_path) == (recipe.path, recipe.eval_path)
    assert settings("dataset.eval_split=train", "dataset.path=b.jsonl").eval_path is not None


def test_two_that_are_typed_are_refused() -> None:
    assert "both set" in contradiction(settings("dataset.eval={a: a.jsonl}", "dataset.test_split_size=0.1"))
    assert "both set" in contradiction(settings("dataset.path=a.jsonl", "dataset.mixture=[{path: a.jsonl}]"))


def test_the_configuration_of_the_run_says_so_too() -> None:
    overrides = ["recipe=demo", "dataset.eval={a: a.jsonl}"]

    assert make_plan(compose(overrides), overrides).composed["dataset"]["eval_path"] is None
