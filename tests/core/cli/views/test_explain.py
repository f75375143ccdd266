"""`callsheet explain`: every selection and value with its file and line or its override, and the order of calls."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from omegaconf import DictConfig
from rich.console import Console

from callsheet.cli.hydra_app import run_app
from callsheet.cli.views.explain import Active, Explanation, explain, show
from callsheet.errors import CallsheetError
from callsheet.plugins import entry_points

PLUGINS = '''"""Two plugins."""

from callsheet import Plugin, hookimpl, setting


class Moon(Plugin):
    """Shine."""

    phase: int = setting(1, ge=0)
    name: str = setting("luna")
    tides: dict[str, int] = setting({"high": 1})

    @hookimpl
    def on_step_end(self, state): ...

    @hookimpl(trylast=True)
    def on_train_end(self, state): ...

    @hookimpl
    def preflight(self, report): ...


class Sun(Moon):
    """Shine more."""

    hub_token: str | None = setting(None)

    @hookimpl(tryfirst=True)
    def on_step_end(self, state): ...

    @hookimpl
    def on_train_end(self, state): ...

    @hookimpl(wrapper=True)
    def on_run_end(self, ctx):
        return (yield)


class Silent(Plugin):
    def on_step_end(self, state): ...
'''

RECIPE = """\
# @package _global_
defaults:
  - override /model: demo
  - override /plugins:
      - moon
      - sun

plugins:
  moon:
    phase: 2
    tides: {low: 0}
  sun: &bright
    phase: 3
"""

Write = Callable[[str, str], Path]
Explain = Callable[..., Explanation]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes files below `conf/` of the working directory; plugins moon, sun, twin and silent are installed."""
    info = tmp_path / "callsheet_sky-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: callsheet-sky\nVersion: 1.0\n")
    names = {"moon": "Moon", "sun": "Sun", "twin": "Moon", "silent": "Silent"}
    lines = "".join(f"{name} = x_sky:{owner}\n" for name, owner in names.items())
    (info / "entry_points.txt").write_text(f"[callsheet.plugins]\n{lines}")
    (tmp_path / "x_sky.py").write_text(PLUGINS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")

    def add(name: str, text: str) -> Path:
        path = tmp_path / "conf" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    add("recipe/sky.yaml", RECIPE)
    entry_points.forget()
    yield add
    entry_points.forget()
    sys.modules.pop("x_sky", None)


@pytest.fixture
def explained(write: Write) -> Explain:
    """What `callsheet explain --config-dir conf OVERRIDES` finds out."""

    def run(*overrides: str) -> Explanation:
        found: list[Explanation] = []

        def task(cfg: DictConfig, _: list[str]) -> int:
            found.append(explain(cfg))
            return 0

        run_app("explain", task, ["--config-dir", "conf", *overrides])
        return found[0]

    return run


def plugin(explanation: Explanation, name: str) -> Active:
    return next(plugin for plugin in explanation.plugins if plugin.name == name)


def setting(explanation: Explanation, key: str) -> tuple[str, str]:
    name, _, key = key.partition(".")
    return next((value.value, value.origin) for value in plugin(explanation, name).settings if value.key == key)


def choice(explanation: Explanation, group: str) -> tuple[str, str]:
    return next((choice.value, choice.origin) for choice in explanation.choices if choice.key == group)


# Values


def test_a_default_points_to_the_line_of_its_class(explained: Explain):
    line = PLUGINS.splitlines().index("    phase: int = setting(1, ge=0)") + 1
    assert setting(explained("plugins=[moon]"), "moon.phase") == ("1", f"default (x_sky.py:{line})")


def test_an_inherited_default_points_to_the_class_that_declares_it(explained: Explain):
    explanation = explained("plugins=[sun]")
    assert setting(explanation, "sun.phase") == setting(explained("plugins=[moon]"), "moon.phase")
    assert setting(explanation, "sun.on_error")[1].startswith("default (callsheet/hooks.py:")


def test_a_value_of_a_recipe_points_to_its_file_and_line(explained: Explain):
    assert setting(explained("recipe=sky"), "moon.phase") == ("2", "conf/recipe/sky.yaml:10")
    assert setting(explained("recipe=sky"), "sun.phase") == ("3", "conf/recipe/sky.yaml:13")


def test_an_override_beats_a_recipe(explained: Explain):
    explanation = explained("recipe=sky", "plugins.moon.phase=7")
    assert setting(explanation, "moon.phase") == ("7", "override plugins.moon.phase=7")


def test_the_last_of_two_overrides_is_named(explained: Explain):
    explanation = explained("plugins=[moon]", "plugins.moon.phase=7", "plugins.moon={phase: 8}")
    assert setting(explanation, "moon.phase") == ("8", "override plugins.moon={phase: 8}")
    assert setting(explanation, "moon.name")[1].startswith("default ")


def test_a_mapping_is_set_where_any_of_it_was_set_last(explained: Explain):
    assert setting(explained("recipe=sky"), "moon.tides") == ("{high:1,low:0}", "conf/recipe/sky.yaml:11")
    explanation = explained("recipe=sky", "plugins.moon.tides.high=5")
    assert setting(explanation, "moon.tides") == ("{high:5,low:0}", "override plugins.moon.tides.high=5")


def test_keys_of_an_anchor_point_to_the_anchor(write: Write, explained: Explain):
    write("phase/both.yaml", "# @package plugins\nmoon: &it\n  phase: 5\nsun:\n  <<: *it\n")
    explanation = explained("plugins=[moon,sun]", "+phase=both")
    assert setting(explanation, "sun.phase") == ("5", "conf/phase/both.yaml:3")


def test_defaults_merged_after_a_recipe_win(write: Write, explained: Explain):
    write(
        "recipe/late.yaml",
        "# @package _global_\ndefaults:\n  - _self_\n  - /plugins/moon\nplugins:\n  moon: {phase: 9}\n",
    )
    value, origin = setting(explained("recipe=late"), "moon.phase")
    assert (value, origin.partition(" ")[0]) == ("1", "default")


def test_a_package_in_a_defaults_list_is_applied(write: Write, explained: Explain):
    write("phase/full.yaml", "phase: 4\n")
    write("recipe/full.yaml", "# @package _global_\ndefaults:\n  - /phase@plugins.moon: full\n")
    explanation = explained("recipe=full", "plugins=[moon]")
    assert setting(explanation, "moon.phase") == ("4", "conf/phase/full.yaml:1")


def test_the_value_of_a_secret_is_not_printed(explained: Explain):
    explanation = explained("plugins=[sun]", "plugins.sun.hub_token=abc")
    value, origin = setting(explanation, "sun.hub_token")
    assert "abc" not in value + origin
    assert origin == "override plugins.sun.hub_token=***"


# Selections


def test_a_selected_plugin_names_its_override(explained: Explain):
    explanation = explained("recipe=sky", "plugins=[sun]")
    assert [plugin.name for plugin in explanation.plugins] == ["sun"]
    assert plugin(explanation, "sun").origin == "override plugins=[sun]"
    assert plugin(explanation, "sun").source == "callsheet-sky 1.0"


def test_an_added_plugin_names_the_override_that_added_it(explained: Explain):
    explanation = explained("recipe=sky", "+plugins=twin")
    assert plugin(explanation, "twin").origin == "override +plugins=twin"
    assert plugin(explained("+plugins=sun", "+plugins=twin"), "twin").origin == "override +plugins=[sun,twin]"
    assert plugin(explanation, "moon").origin == "conf/recipe/sky.yaml:5"


def test_a_plugin_of_a_recipe_points_to_its_line_in_the_defaults_list(explained: Explain):
    assert plugin(explained("recipe=sky"), "sun").origin == "conf/recipe/sky.yaml:6"


def test_a_plugin_named_by_its_path_points_to_that_line(write: Write, explained: Explain):
    write("recipe/path.yaml", "# @package _global_\ndefaults:\n  - _self_\n  - /plugins/moon\n")
    explanation = explained("recipe=path", "plugins=[sun]")
    assert plugin(explanation, "moon").origin == "conf/recipe/path.yaml:4"
    assert plugin(explanation, "sun").origin == "override plugins=[sun]"


def test_a_plugin_that_a_preset_brings_names_preset_and_selection(write: Write, explained: Explain):
    write("plugins/full.yaml", "# @package plugins.moon\ndefaults:\n  - /plugins/moon\n  - _self_\n\nphase: 4\n")
    explanation = explained("plugins=[full]")
    assert plugin(explanation, "moon").origin == "conf/plugins/full.yaml:3, override plugins=[full]"
    assert setting(explanation, "moon.phase") == ("4", "conf/plugins/full.yaml:6")


def test_settings_of_a_plugin_that_is_not_selected_are_left_aside(explained: Explain):
    explanation = explained("recipe=sky", "plugins=[moon]")
    (aside,) = explanation.left_aside
    assert (aside.key, aside.value, aside.origin) == ("plugins.sun", "{phase:3}", "conf/recipe/sky.yaml:12")
    assert "sun" not in str(explanation.hooks)


def test_choices_name_their_override_recipe_or_default(explained: Explain):
    explanation = explained("recipe=sky")
    assert choice(explanation, "recipe") == ("sky", "override recipe=sky")
    assert choice(explanation, "model") == ("demo", "conf/recipe/sky.yaml:3")
    value, origin = choice(explanation, "trainer")
    assert (value, origin.partition(":")[0]) == ("sft", "callsheet_conf/config.yaml")
    assert choice(explained(), "recipe")[0] == "none"


# Hooks


def test_hooks_run_in_the_order_of_the_selection_unless_they_wish_otherwise(explained: Explain):
    hooks = explained("plugins=[moon,twin,sun]").hooks
    assert hooks["on_step_end"] == ("sun (tryfirst)", "moon", "twin")
    assert hooks["on_train_end"] == ("sun", "twin (trylast)", "moon (trylast)")
    assert hooks["preflight"] == ("moon", "twin", "sun")


def test_hooks_come_in_the_order_a_run_meets_them(explained: Explain):
    assert list(explained("plugins=[sun]").hooks) == ["preflight", "on_step_end", "on_train_end", "on_run_end"]


def test_a_wrapper_is_marked(explained: Explain):
    assert explained("plugins=[sun]").hooks["on_run_end"] == ("sun (wrapper)",)


def test_a_plugin_outside_the_contract_is_refused_with_its_origin(explained: Explain):
    with pytest.raises(CallsheetError, match=r"'silent' from callsheet-sky 1\.0: .*without @hookimpl"):
        explained("plugins=[silent]")


# On paper


def test_what_is_shown_has_a_line_for_each_value_and_folds_none(explained: Explain):
    file = io.StringIO()
    show(explained("recipe=sky", "plugins=[moon]"), Console(file=file, width=30))
    lines = [line.split() for line in file.getvalue().splitlines()]
    assert ["phase", "2", "conf/recipe/sky.yaml:10"] in lines
    assert "\nPlugin moon (callsheet-sky 1.0), selected by override plugins=[moon]\n" in file.getvalue()
    assert ["plugins.sun", "{phase:3}", "conf/recipe/sky.yaml:12"] in lines
    assert ["on_step_end", "moon"] in lines


def test_one_long_value_does_not_push_the_origins_away():
    from callsheet.cli.views.columns import aligned

    assert aligned([("a", "1", "here"), ("b", 9 * "long", "there")], widest=5)[0] == "a  1  here"


def test_native_callbacks_come_with_their_class_and_what_set_each_argument(explained: Explain, write: Write):
    named = "callbacks:\n  stop:\n    path: transformers.EarlyStoppingCallback\n    early_stopping_patience: 2\n  gone: my.Class\n"
    write("recipe/named.yaml", f"# @package _global_\ndefaults:\n  - override /model: demo\n{named}")
    typed = [
        "callbacks.stop.early_stopping_patience=3",
        "callbacks.gone=null",
        "callbacks.rich=trl.RichProgressCallback",
    ]
    stop, rich = explained("recipe=named", *typed).callbacks
    assert (stop.name, stop.source) == ("stop", "transformers.EarlyStoppingCallback")
    assert stop.origin.endswith("conf/recipe/named.yaml:6")
    [patience] = stop.settings
    assert (patience.value, patience.origin) == ("3", "override callbacks.stop.early_stopping_patience=3")
    assert (rich.source, rich.origin) == (
        "trl.RichProgressCallback",
        "override callbacks.rich=trl.RichProgressCallback",
    )
