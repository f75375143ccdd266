"""The examples of docs/experiments.md are what the page says they are."""

import re
from pathlib import Path

from omegaconf import OmegaConf

from callsheet.config.experiment import ExperimentSettings
from callsheet.experiments.expanding.expand import arms_of

PAGE = (Path(__file__).parents[4] / "docs" / "experiments.md").read_text(encoding="utf-8")
FIRST_HALF = PAGE.partition("## Who won")[0]


def examples():
    return [
        OmegaConf.to_container(OmegaConf.create(block))
        for block in re.findall(r"```yaml\n(.*?)```", FIRST_HALF, re.DOTALL)
    ]


def arms(example):
    own = {key: value for key, value in example.items() if key != "defaults"}
    return arms_of(ExperimentSettings(**own))


def test_the_first_one_is_three_arms_with_five_seeds():
    assert len(arms(examples()[0])) == 15


def test_the_four_ways_to_write_an_arm_are_one():
    written = {tuple(item.replace("1e-4", "0.0001") for item in arm.overrides) for arm in arms(examples()[1])}

    assert written == {("peft=lora", "trainer.args.learning_rate=0.0001")}


def test_a_matrix_makes_the_names_that_the_page_lists():
    names = [arm.name for arm in arms(examples()[2])]

    assert len(names) == 4 and all(f"`{name}`" in FIRST_HALF for name in names)


def test_stages_make_the_names_that_the_page_lists():
    names = [arm.name for arm in arms({"arms": {"lora": []}, "repeats": 2, **examples()[3]})]

    assert all(f"`{name}`" in FIRST_HALF for name in names[:2])
