"""Recipes and presets of one's own: a recipe lists its plugins, and a preset is added like a plugin."""

import pytest
from omegaconf import OmegaConf

PRESET = "# @package plugins.bema\ndefaults: [bema, _self_]\nupdate_freq: 1000\n"


def put(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.fixture
def composed(tmp_path, callsheet):
    """The configuration that files of `mine/` and overrides make."""

    def run(files, *overrides):
        put(tmp_path / "mine", files)
        done = callsheet("train", "--config-dir", "mine", *overrides, "--cfg", "job")
        assert done.returncode == 0, done.stderr
        config = OmegaConf.create(done.stdout)
        return {name: node for name, node in config.plugins.items() if node and "on_error" in node}

    return run


@pytest.fixture
def refused(tmp_path, callsheet):
    def run(files, *overrides):
        put(tmp_path / "mine", files)
        done = callsheet("check", "--config-dir", "mine", *overrides)
        assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
        return done.stderr

    return run


def recipe(plugins, defaults="demo"):
    return {"recipe/mine.yaml": f"# @package _global_\ndefaults: [{defaults}]\nplugins: {plugins}\n"}


@pytest.mark.parametrize(
    ("written", "selected"),
    [
        ("[csv_metrics]", ["csv_metrics"]),
        ("[progress, bema]", ["progress", "bema"]),
        ("\n  - bema\n  - csv_metrics", ["bema", "csv_metrics"]),
        ("bema", ["bema"]),
        ("[]", []),
    ],
)
def test_a_recipe_chooses_plugins_as_the_command_line_does(composed, written, selected):
    assert list(composed(recipe(written), "recipe=mine")) == selected


def test_a_list_may_hold_settings_too(composed):
    plugins = composed(recipe("[csv_metrics, bema: {update_freq: 7}]"), "recipe=mine")
    assert list(plugins) == ["csv_metrics", "bema"] and plugins["bema"].update_freq == 7


def test_what_is_typed_and_what_an_outer_recipe_says_win_over_the_list_of_a_recipe(composed):
    files = recipe("[csv_metrics]") | {
        "recipe/outer.yaml": "# @package _global_\ndefaults: [mine]\nplugins: [bema]\n",
        "recipe/more.yaml": "# @package _global_\ndefaults: [mine]\nexperiment: more\n",
    }
    assert list(composed(files, "recipe=mine", "plugins=[progress]")) == ["progress"]
    assert list(composed(files, "recipe=mine", "+plugins=bema")) == ["csv_metrics", "bema"]
    assert list(composed(files, "recipe=outer")) == ["bema"]
    assert list(composed(files, "recipe=more")) == ["csv_metrics"]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("[bemo]", "No plugin named 'bemo' is installed. Did you mean 'bema'?"),
        ("[[bema]]", "recipe/mine.yaml: plugins: has the entry ['bema']; write names, as in"),
        ("[3]", "recipe/mine.yaml: plugins: has the entry 3; write names, as in"),
        ("[bema: 3]", "recipe/mine.yaml: plugins: has the entry {'bema': 3}; write names, as in"),
        ("[bema, bema]", "recipe/mine.yaml: plugins: lists bema twice."),
        ("", "recipe/mine.yaml: plugins: is empty. Write 'plugins: []' for none, or leave it out."),
        ("[bema: {update_frq: 3}]", "Plugin 'bema' has no setting 'update_frq'. Did you mean 'update_freq'?"),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused_with_its_file(refused, written, message):
    assert message in refused(recipe(written), "recipe=mine")


def test_two_choices_in_one_recipe_are_refused(refused):
    said = refused(recipe("[csv_metrics]", "demo, override /plugins: [bema]"), "recipe=mine")
    assert "recipe/mine.yaml chooses plugins twice" in said


def test_a_preset_is_added_to_what_is_selected(composed):
    plugins = composed({"plugins/slow_bema.yaml": PRESET}, "plugins=[csv_metrics]", "+plugins=slow_bema")
    assert list(plugins) == ["csv_metrics", "bema"] and plugins["bema"].update_freq == 1000


def test_a_preset_sets_a_plugin_that_is_selected_already(composed):
    files = {"plugins/slow_bema.yaml": PRESET, **recipe("[bema, csv_metrics]")}
    plugins = composed(files, "recipe=mine", "+plugins=slow_bema", "plugins.bema.lag=3")
    assert list(plugins) == ["bema", "csv_metrics"] and plugins["bema"].lag == 3


def test_a_preset_that_loses_to_a_recipe_says_so(tmp_path, callsheet):
    put(tmp_path / "mine", {"plugins/slow_bema.yaml": PRESET})
    done = callsheet("check", "--config-dir", "mine", "recipe=demo", "+plugins=slow_bema")
    said = "plugins.bema.update_freq of preset slow_bema (mine/plugins/slow_bema.yaml:3) does not count"
    assert done.returncode == 0 and said in done.stderr and "recipe/demo.yaml:" in done.stderr
    typed = callsheet(
        "check", "--config-dir", "mine", "recipe=demo", "+plugins=slow_bema", "plugins.bema.update_freq=9"
    )
    assert typed.returncode == 0 and "does not count" not in typed.stderr


def test_a_preset_without_its_first_line_or_of_another_name_is_refused(refused):
    files = {"plugins/slow_bema.yaml": PRESET, "plugins/bare.yaml": "defaults: [bema, _self_]\nupdate_freq: 9\n"}
    said = refused(files, "+plugins=bare")
    assert "plugins/bare.yaml must begin with the line '# @package plugins.NAME'" in said
    assert "Did you mean 'slow_bema'? Presets: bare, slow_bema; installed: bema" in refused(files, "+plugins=slow_bemo")


def test_another_application_of_hydra_reads_its_files_as_before(tmp_path):
    from hydra import compose, initialize_config_dir

    import callsheet.config.compose

    (tmp_path / "app.yaml").write_text("plugins: [theirs]\n")
    callsheet.config.compose.compose(["plugins=[]"])
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        assert compose("app").plugins == ["theirs"]


def test_hydra_may_register_its_own_readers_again_as_in_a_process_of_submitit(tmp_path):
    import pickle

    from hydra.core.plugins import Plugins

    from callsheet.config.recipe_files import FileConfigSource, files_read_our_way
    from callsheet.privates.hydra import yaml_sources

    Plugins.instance()
    with files_read_our_way():
        for source in yaml_sources():
            Plugins.instance().register(source)
    assert pickle.loads(pickle.dumps(FileConfigSource)) is FileConfigSource
