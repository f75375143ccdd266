"""`callsheet train -m` as an experiment: which arms it makes, and what it refuses before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from omegaconf import DictConfig

from callsheet import CallsheetError
from callsheet.cli.hydra_app import run_app
from callsheet.experiments.composing.bases import compose_here
from callsheet.experiments.driver.sweep import Sweep, sweep_of


def swept(*overrides: str) -> Sweep:
    found: list[Sweep] = []

    def look(config: DictConfig, typed: list[str]) -> int:
        found.append(sweep_of(config, typed, compose_here))
        return 0

    def alone(config: DictConfig, typed: list[str]) -> int:
        raise AssertionError("it is a sweep")

    run_app("train", alone, ["recipe=demo", *overrides], look)
    return found[0]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_each_run_is_an_arm_that_is_called_by_what_it_differs_in():
    found = swept("-m", "plugins=[],[bema]", "trainer.args.seed=range(1,3)", "plugins.bema.lag=3")
    assert [(arm.name, arm.overrides) for arm in found.arms] == [
        ("plugins=none-seed=1", ("plugins=[]", "trainer.args.seed=1")),
        ("plugins=none-seed=2", ("plugins=[]", "trainer.args.seed=2")),
        ("plugins=bema-seed=1", ("plugins=[bema]", "trainer.args.seed=1", "plugins.bema.lag=3")),
        ("plugins=bema-seed=2", ("plugins=[bema]", "trainer.args.seed=2", "plugins.bema.lag=3")),
    ]
    assert found.common == ("recipe=demo",)


def test_a_mode_that_is_set_and_options_that_are_globbed_make_a_sweep_too():
    found = swept("hydra.mode=MULTIRUN", "peft=glob(l*)", "output_dir=here")
    assert [arm.name for arm in found.arms] == ["peft=lora"] and found.common == ("recipe=demo",)


def test_what_a_file_sweeps_over_makes_arms(tmp_path: Path):
    (tmp_path / "mine" / "recipe").mkdir(parents=True)
    recipe = "defaults: [demo]\nhydra:\n  mode: MULTIRUN\n  sweeper: {params: {trainer.args.seed: '1,2'}}\n"
    (tmp_path / "mine" / "recipe" / "ours.yaml").write_text(f"# @package _global_\n{recipe}")
    found = swept("recipe=ours", f"--config-dir={tmp_path / 'mine'}")
    assert [arm.overrides for arm in found.arms] == [("trainer.args.seed=1",), ("trainer.args.seed=2",)]


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (
            ["trainer.args.seed=1,1"],
            "-m makes the same run twice: recipe=demo trainer.args.seed=1. Write each value once.",
        ),
        (["trainer.args.learning_rate=interval(0,1)"], "names no values. List them"),
        (["plugins=glob(zz*)"], "-m makes no run"),
        (["trainer.args.seed=1,2", "plugins=[]", "plugins.bema.lag=3"], "no run of this sweep selects bema"),
    ],
)
def test_what_cannot_be_meant_is_refused(overrides: list[str], said: str):
    with pytest.raises(CallsheetError) as refused:
        swept("-m", *overrides)
    assert said in str(refused.value)
