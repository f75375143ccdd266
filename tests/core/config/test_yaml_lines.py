"""Where in a YAML file a key or a choice stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig

from callsheet.config.yaml_lines import entries_of, file_of, lines_of

Compose = Callable[..., None]

NESTED = """\
# a comment is no key
trainer:
  args: {max_steps: 3,
         seed: 1}

plugins:
  bema:
    update_freq: 2   # and neither is this
  "quoted": yes
list:
- {in_a_list: 1}
"""


def test_every_key_has_the_line_that_an_editor_shows() -> None:
    found = dict(lines_of(NESTED))
    for key, line in found.items():
        assert key[-1] in NESTED.splitlines()[line - 1]
    assert found == {
        ("trainer",): 2,
        ("trainer", "args"): 3,
        ("trainer", "args", "max_steps"): 3,
        ("trainer", "args", "seed"): 4,
        ("plugins",): 6,
        ("plugins", "bema"): 7,
        ("plugins", "bema", "update_freq"): 8,
        ("plugins", "quoted"): 9,
        ("list",): 10,
    }


def test_keys_that_an_anchor_brings_have_the_lines_of_the_anchor() -> None:
    text = "one: &one {a: 1}\ntwo: &two\n  b: 2\nboth:\n  <<: [*one, *two]\n  c: 3\nsingle:\n  <<: *two\n"
    found = dict(lines_of(text))
    assert [found[("both", key)] for key in "abc"] == [1, 3, 6]
    assert found[("single", "b")] == 3 and not any("<<" in key for key in found)


def test_a_defaults_list_is_no_setting_but_a_setting_may_be_called_defaults() -> None:
    assert dict(lines_of("defaults: [demo]\nplugins:\n  defaults: {a: 1}\n")) == {
        ("plugins",): 2,
        ("plugins", "defaults"): 3,
        ("plugins", "defaults", "a"): 3,
    }


@pytest.mark.parametrize("text", ["", "# nothing\n", "- a\n- b\n", "text\n", "null\n"])
def test_a_file_without_keys_has_none(text: str) -> None:
    assert list(lines_of(text)) == []


@pytest.fixture
def composed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Compose]:
    """Write files of a configuration, and let Hydra read it."""

    def write(**files: str) -> None:
        for name, text in {"config": "", **files}.items():
            path = tmp_path / f"{name.replace('__', '/')}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        with initialize_config_dir(str(tmp_path), version_base="1.3"):
            HydraConfig.instance().set_config(compose("config", return_hydra_config=True))

    before = HydraConfig.instance().cfg
    monkeypatch.chdir(tmp_path)
    yield write
    HydraConfig.instance().cfg = before


RECIPE = """\
# @package _global_
defaults:
  - demo
  - /model: tiny
  - override /trainer: sft
  - optional launch@run: ddp
  - /plugins:
    - bema
    - csv_metrics
  - path/in/here@there
  - _self_
"""


def test_each_line_of_a_defaults_list_says_what_it_selects(composed: Compose) -> None:
    composed(recipe__mine=RECIPE)
    demo, model, trainer, launch, plugins, path, own = entries_of("recipe/mine")
    assert (demo.group, *demo.options) == (None, "recipe/demo")
    assert (path.group, *path.options) == (None, "recipe/path/in/here") and own.group is None
    assert [entry.group for entry in (model, trainer, launch, plugins)] == [
        "model",
        "trainer",
        "recipe/launch",
        "plugins",
    ]
    assert demo.origin("recipe/demo") == "recipe/mine.yaml:3" and trainer.origin("sft") == "recipe/mine.yaml:5"
    assert [plugins.origin(name) for name in ("bema", "csv_metrics")] == ["recipe/mine.yaml:8", "recipe/mine.yaml:9"]


def test_what_an_override_put_in_the_place_of_an_option_has_the_line_of_the_group(composed: Compose) -> None:
    composed(recipe__mine=RECIPE)
    model, plugins = entries_of("recipe/mine")[1], entries_of("recipe/mine")[4]
    assert model.origin("another") == "recipe/mine.yaml:4" and plugins.origin("another") == "recipe/mine.yaml:7"


def test_a_file_without_a_defaults_list_selects_nothing(composed: Compose) -> None:
    composed(plain="a: 1\n", empty="")
    assert entries_of("plain") == entries_of("empty") == entries_of("absent") == []


def test_a_file_is_called_by_its_path_from_here(composed: Compose, tmp_path: Path, monkeypatch) -> None:
    composed(recipe__mine="a: 1\n")
    assert file_of("recipe/mine") == file_of("recipe/mine.yaml") == ("recipe/mine.yaml", "a: 1\n")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    found = file_of("recipe/mine")
    assert found and found[0] == str(tmp_path / "recipe" / "mine.yaml")


def test_a_configuration_that_is_no_file_has_none(composed: Compose) -> None:
    composed()
    assert file_of("recipe/nothing") is None and file_of("plugins/bema") is None
