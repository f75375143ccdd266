"""Plugins and settings chosen by override, composed by Hydra."""

import subprocess
import sys

import pytest
from omegaconf import OmegaConf

from callsheet.config.compose import compose
from callsheet.config.plan import make_plan
from callsheet.errors import CallsheetError


def selected(*overrides):
    return list(make_plan(compose(["recipe=demo", *overrides]), overrides).plugins)


def refusal(*overrides):
    with pytest.raises(CallsheetError) as caught:
        make_plan(compose([*overrides]), overrides)
    assert "use +" not in str(caught.value), "Hydra's advice would let the typo pass in silence"
    return str(caught.value)


def test_plugins_are_chosen_in_the_order_given():
    assert selected("plugins=[progress,bema]") == ["progress", "bema"]


def test_plugins_can_be_none():
    assert selected("plugins=[]") == []


def test_a_plugin_can_be_added_to_a_recipe():
    assert selected("plugins=[bema]", "+plugins=csv_metrics") == ["bema", "csv_metrics"]
    assert selected("plugins=[]", "+plugins=csv_metrics", "+plugins=bema") == ["csv_metrics", "bema"]
    assert selected("+plugins=bema") == selected()


def test_a_single_plugin_needs_no_brackets():
    assert selected("plugins=bema") == ["bema"]


def test_a_setting_reaches_its_plugin():
    plan = make_plan(compose(["recipe=demo", "plugins=[bema]", "plugins.bema.update_freq=7"]))
    assert plan.plugins["bema"].update_freq == 7


def test_settings_of_a_recipe_for_a_plugin_left_out_are_left_aside():
    assert selected("plugins=[csv_metrics]") == ["csv_metrics"]


def test_trainer_arguments_need_no_plus():
    config = compose(["recipe=demo", "trainer.args.weight_decay=0.1", "trainer.args.max_steps=3"])
    assert (config.trainer.args.weight_decay, config.trainer.args.max_steps) == (0.1, 3)


def test_callbacks_need_no_plus():
    config = compose(["recipe=demo", "callbacks.early.path=transformers.EarlyStoppingCallback", "callbacks.early.x=1"])
    assert config.callbacks.early == {"path": "transformers.EarlyStoppingCallback", "x": 1}


def test_nothing_but_the_selected_plugin_is_imported(tmp_path):
    code = (
        "import sys\nfrom callsheet.config.compose import compose\ncompose(['plugins=[csv_metrics]'])\n"
        "print(*[m for m in sys.modules if m.startswith('callsheet_plugins.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["callsheet_plugins.csv_metrics"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["plugins=[bemo]"], "No plugin named 'bemo' is installed. Did you mean 'bema'?"),
        (["+plugins=bemo"], "No plugin named 'bemo' is installed. Did you mean 'bema'?"),
        (["plugins=[bema]", "plugins.bema.update_frq=3"], "Plugin 'bema' has no setting 'update_frq'. Did you mean 'update_freq'?"),
        (["plugins=[bema]", "+plugins.bema.update_frq=3"], "Plugin 'bema' has no setting 'update_frq'. Did you mean 'update_freq'?"),
        (["+model.revison=main"], "model has no setting 'revison'. Did you mean 'revision'?"),
        (["+launch.proceses=2"], "launch has no setting 'proceses'. Did you mean 'processes'?"),
        (["dataset.columns={a: b}"], "dataset.columns: Cannot merge DictConfig with ListConfig. (In dataset.columns={a: b}.)"),
        (["plugins=[bema]", "++plugins.bema.update_frq=3"], "Plugin 'bema' has no setting 'update_frq'. Did you mean 'update_freq'?"),
        (["plugins.bema.update_freq=3"], "Plugin 'bema' is not selected"),
        (["recipe=demo", "plugins=[]", "plugins.bema.update_freq=3"], "bema is not selected"),
        (["recipe=demo", "+plugins.csv_metrics.filename=x", "plugins=[]"], "csv_metrics is not selected"),
        (["recipe=demo", "plugins=[bema]", "plugins.bema.update_freq=often"], "plugins.bema.update_freq: Value 'often' of type 'str' could not be converted to Integer"),
        (["recipe=demo", "plugins=[bema]", "plugins.bema.update_freq=0"], "plugins.bema.update_freq must be at least 1, got 0."),
        (["recipe=demo", "plugins=[bema]", "plugins.bema.on_error=wrn"], "plugins.bema.on_error must be one of raise, warn, disable, got 'wrn'. Did you mean 'warn'?"),
        (["recipe=dmo"], "recipe has no option 'dmo'. Did you mean 'demo'?"),
        (["recipe=demo", "trainer=stf"], "trainer has no option 'stf'. Did you mean 'sft'?"),
        (["recipe=demo", "modle.path=x"], "The configuration has no setting 'modle'. Did you mean 'model'?"),
        (["recipe=demo", "+modle.path=x"], "The configuration has no setting 'modle'. Did you mean 'model'?"),
        (["recipe=demo", "model.pth=x"], "model has no setting 'pth'. Did you mean 'path'?"),
        (["recipe=demo", "model.dtype=bf16"], "model.dtype must be one of auto, float32, bfloat16, float16, got 'bf16'."),
        (["recipe=demo", "dataset.test_split_size=0"], "dataset.test_split_size must be more than 0"),
        (["recipe=demo", "dataset.mixture=[{path: a, weigth: 1}]"], "weigth"),
        ([], "model.path must be set: a folder or a repository on the Hub"),
        (["recipe=demo", "plugins=[exact_match", "x=1"], "plugins=[exact_match"),
        (["recipe=demo", "plugins=[exact_match]", "plugins.exact_match.path=???"], "plugins.exact_match.path must be set: JSONL file"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_the_nearest_right_answer(overrides, message):
    assert message in refusal(*overrides)


def test_a_recipe_of_ones_own_is_found_in_its_folder(tmp_path, callsheet):
    (tmp_path / "mine" / "recipe").mkdir(parents=True)
    (tmp_path / "mine" / "recipe" / "short.yaml").write_text(
        "# @package _global_\ndefaults: [demo]\ntrainer: {args: {max_steps: 3}}\nplugins: {bema: {update_freq: 2}}\n"
    )
    done = callsheet("train", "--config-dir", "mine", "recipe=short", "--cfg", "job")
    assert done.returncode == 0, done.stderr
    config = OmegaConf.create(done.stdout)
    assert (config.trainer.args.max_steps, config.plugins.bema.update_freq) == (3, 2)


def test_a_typo_in_a_recipe_names_the_recipe(tmp_path, callsheet):
    (tmp_path / "mine" / "recipe").mkdir(parents=True)
    (tmp_path / "mine" / "recipe" / "short.yaml").write_text(
        "# @package _global_\ndefaults: [demo]\nplugins: {bema: {update_frq: 2}}\n"
    )
    done = callsheet("check", "--config-dir", "mine", "recipe=short")
    assert done.returncode == 2
    assert "Plugin 'bema' has no setting 'update_frq'. Did you mean 'update_freq'?" in done.stderr
    assert "recipe/short" in done.stderr


def test_a_preset_of_ones_own_takes_the_place_of_a_plugins_defaults(tmp_path, callsheet):
    (tmp_path / "mine" / "plugins").mkdir(parents=True)
    (tmp_path / "mine" / "plugins" / "slow_bema.yaml").write_text(
        "# @package plugins.bema\ndefaults: [bema, _self_]\nupdate_freq: 1000\n"
    )
    done = callsheet("train", "--config-dir", "mine", "plugins=[slow_bema]", "--cfg", "job", "-p", "plugins")
    assert done.returncode == 0, done.stderr
    assert "update_freq: 1000" in done.stdout and "ema_power" in done.stdout
