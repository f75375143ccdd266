"""Every recipe of docs/recipes.md composes, and means what the page says."""

import re
from pathlib import Path

import pytest

from callsheet.cli.hydra_app import run_app
from callsheet.config.plan import make_plan

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
RECIPES = re.findall(r"```yaml\n(# @package _global_\n.*?)```", PAGE, re.S)
[OPTION] = re.findall(r"```yaml\n(path: .*?)```", PAGE, re.S)


@pytest.fixture
def plan_of(tmp_path, monkeypatch):
    """The plan that a recipe of the page makes, with overrides."""
    monkeypatch.chdir(tmp_path)
    for folder, name, text in (("recipe", "ours", ""), ("model", "small", OPTION)):
        (tmp_path / "conf" / folder).mkdir(parents=True)
        (tmp_path / "conf" / folder / f"{name}.yaml").write_text(text)

    def plan(recipe, *overrides):
        (tmp_path / "conf" / "recipe" / "ours.yaml").write_text(recipe)
        found = []

        def keep(config, typed):
            found.append(make_plan(config, typed))
            return 0

        assert run_app("check", keep, ["--config-dir", "conf", "recipe=ours", *overrides]) == 0
        return found[0]

    return plan


def recipe_with(text):
    [found] = [recipe for recipe in RECIPES if text in recipe]
    return found


def test_every_recipe_of_the_page_composes(plan_of):
    assert len(RECIPES) == 5
    for recipe in RECIPES:
        assert plan_of(recipe).model.path


def test_groups_are_chosen_by_the_recipe_and_the_command_line_wins(plan_of):
    recipe = recipe_with("override /trainer: dpo")
    plan = plan_of(recipe)
    assert (plan.trainer.name, plan.peft.type, plan.launch.name) == ("dpo", "LoraConfig", "zero2")
    assert plan.peft.args["r"] == 8 and plan.peft.args["lora_alpha"] == 32, "merged key by key"
    assert plan_of(recipe, "trainer=sft").trainer.name == "sft"
    assert plan_of(recipe, "model=small").model.dtype == "bfloat16"


def test_plugins_are_those_of_the_recipe_and_of_the_command_line(plan_of):
    recipe = recipe_with("override /plugins: [bema")
    assert [*plan_of(recipe).plugins] == ["bema", "csv_metrics", "progress"]
    assert plan_of(recipe).plugins["bema"].update_freq == 100
    assert [*plan_of(recipe, "plugins=[]").plugins] == []
    assert (
        plan_of(recipe, "+plugins=early_stopping", "plugins.early_stopping.metric=eval_loss")
        .plugins["early_stopping"]
        .patience
        == 3
    )


def test_a_recipe_on_top_of_another_says_what_differs(plan_of):
    plan = plan_of(recipe_with("- demo\n"))
    assert (
        plan.trainer.args["max_steps"] == 20
        and plan.trainer.args["save_steps"] == 100
        and [*plan.plugins] == ["csv_metrics"]
    )


def test_a_weight_is_the_share_of_its_own_rows(plan_of, tmp_path):
    from callsheet.data import load

    def rows(name, count):
        return [{"prompt": name, "completion": str(number), "more": 1} for number in range(count)]

    import json

    (tmp_path / "chat.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows("chat", 400)))
    (tmp_path / "code.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows("code", 200)))
    plan = plan_of(recipe_with("weight: 0.5").replace("code.parquet", "code.jsonl"))
    train, evaluation = load(plan.dataset)
    counts = {name: [*train["prompt"], *evaluation["prompt"]].count(name) for name in ("chat", "code")}
    assert counts == {"chat": 200, "code": 200} and len(evaluation) == 100
    taken = [row["completion"] for part in (train, evaluation) for row in part if row["prompt"] == "chat"]
    assert len({*taken}) == 200 and sorted(map(int, taken)) != list(range(200)), "no row twice, and not the first ones"
    assert set(train.column_names) == {"prompt", "completion"}
