"""`experiment=` is a file of the group, a user's file, or a name."""

import os

import pytest

from callsheet.cli.hydra_app import run_app
from callsheet.config.compose import compose
from callsheet.config.plan import make_plan
from callsheet.errors import CallsheetError

ARMS = "arms: {a: [], b: [peft=lora]}\n"


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """Write files below a folder that is not the current one."""
    monkeypatch.chdir(tmp_path)

    def write(**files):
        folder = tmp_path / "mine" / "experiment"
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / f"{name}.yaml").write_text(text)
        return folder

    return write


def composed(*overrides):
    """As the command line composes, with flags."""
    found = []
    run_app("check", lambda config, typed: found.append(config) or 0, [*overrides])
    return found[0]


@pytest.mark.parametrize(
    ("typed", "name"),
    [("trial", "trial"), ("a/b", "a/b"), ("5", "5"), ("'a b'", "a b"), ("${model.path}x", None), ("v1.2", "v1.2")],
)
def test_what_is_no_file_is_the_name_of_a_plain_run(typed, name):
    config = compose(["recipe=demo", f"experiment={typed}"])

    assert config.experiment.name == name or name is None
    assert not config.experiment.arms
    assert name is None or str(config.output_dir).startswith(f"outputs/{name}/run-")


def test_the_name_is_the_last_one_typed_and_counts_more_than_a_recipes():
    config = compose(["recipe=demo", "experiment=one", "experiment.name=two"])

    assert config.experiment.name == "two"
    assert make_plan(config).experiment == "two"
    assert make_plan(config).composed["experiment"] == {"name": "two"}


def test_a_file_of_the_config_dir_gives_arms_its_name_and_a_recipe(mine):
    mine(lrs=f"defaults: [override /recipe: demo]\n{ARMS}repeats: 3\n")

    config = composed("--config-dir", "mine", "experiment=lrs")

    assert (config.experiment.name, config.experiment.repeats, [*config.experiment.arms]) == ("lrs", 3, ["a", "b"])
    assert config.trainer.args.max_steps == 500


def test_a_file_found_by_the_search_path_is_found_too(mine, tmp_path):
    mine(lrs=ARMS)

    config = composed(f"hydra.searchpath=[{tmp_path}/mine]", "recipe=demo", "experiment=lrs")

    assert [*config.experiment.arms] == ["a", "b"] and config.experiment.name == "lrs"


def test_a_user_may_name_a_file_by_its_path(mine):
    mine(lrs=f"defaults: [override /recipe: demo]\n{ARMS}")

    for typed in ("mine/experiment/lrs.yaml", os.path.abspath("mine/experiment/lrs.yaml")):
        config = compose([f"experiment={typed}"])
        assert config.experiment.name == "lrs" and [*config.experiment.arms] == ["a", "b"]


def test_a_global_file_sets_all_sections_and_what_is_typed_wins(mine):
    mine(
        whole="# @package _global_\ndefaults: [override /recipe: demo, override /plugins: [csv_metrics]]\n"
        "experiment: {arms: {a: []}, hypothesis: x}\ntrainer: {args: {max_steps: 7, run_name: '${experiment}-x'}}\n"
    )
    path = "experiment=mine/experiment/whole.yaml"

    config = compose([path])
    assert (config.trainer.args.max_steps, config.trainer.args.run_name) == (7, "whole-x")
    assert [name for name, node in config.plugins.items() if "on_error" in node] == ["csv_metrics"]
    config = compose([path, "trainer.args.max_steps=9", "peft=lora", "experiment.repeats=4", "experiment.name=other"])
    assert (config.trainer.args.max_steps, config.peft.type) == (9, "LoraConfig")
    assert (config.experiment.repeats, config.trainer.args.run_name) == (4, "other-x")


def test_the_name_in_a_file_counts_more_than_that_of_the_file_and_of_its_bases(mine):
    mine(base=f"name: base\n{ARMS}", own="defaults: [base]\nrepeats: 2\n", named="defaults: [base]\nname: other\n")

    names = [composed("--config-dir", "mine", f"experiment={each}").experiment.name for each in ("own", "named")]

    assert names == ["own", "other"]


def test_arms_can_be_typed():
    config = compose(["recipe=demo", "experiment.arms.big={peft:lora}", "experiment.matrix.peft.args.r=[8,16]"])

    assert config.experiment.arms.big == {"peft": "lora"} and config.experiment.matrix.peft.args.r == [8, 16]


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("experiment=mine/experiment/lsr.yaml", "there is no such file. Did you mean 'mine/experiment/lrs.yaml'?"),
        ("experiment=lrs.yml", "there is no such file"),
        ("experiment=mine/experiment/old.yml", "rename it so that it ends in .yaml"),
        ("experiment=null", "experiment.name: it is empty. Give it a value, or leave it out."),
        ("experiment=[a,b]", "experiment.name"),
    ],
)
def test_what_is_neither_is_refused(mine, override, said):
    (mine(lrs=ARMS) / "old.yml").write_text(ARMS)

    with pytest.raises(CallsheetError) as refused:
        compose(["recipe=demo", override])

    assert said in str(refused.value)


def test_a_path_of_the_group_leads_to_no_other_file():
    with pytest.raises(CallsheetError, match="leads out of its folder"):
        make_plan(compose(["recipe=demo", "experiment=../recipe/demo"]))


def test_a_sweep_over_names_and_files(mine, capsys, monkeypatch):
    mine(lrs="# @package _global_\ntrainer: {args: {max_steps: 3}}\n")
    seen = []

    run_app(
        "check",
        lambda config, typed: seen.append((config.experiment.name, config.trainer.args.max_steps, typed)) or 0,
        ["-m", "--config-dir", "mine", "recipe=demo", "experiment=lrs,trial"],
    )

    assert [(name, steps) for name, steps, _ in seen] == [("lrs", 3), ("trial", 500)]
    assert [typed[-1] for *_, typed in seen] == ["experiment=lrs", "experiment=trial"]
