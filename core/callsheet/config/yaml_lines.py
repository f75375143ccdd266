"""The YAML files that Hydra merged, with the line of every key and of every choice in a defaults list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import yaml
from hydra.core.hydra_config import HydraConfig

from callsheet.config.compose import PluginConfigs
from callsheet.config.experiment.files import BY_PATH
from callsheet.config.overrides import LESS, MORE, PLUGINS
from callsheet.config.recipe_files import at_home
from callsheet.config.texts.keys import composed, items, pairs
from callsheet.config.texts.keys import lines_of as lines_of
from callsheet.disk.standing import short
from callsheet.plugins.registry import installed


@dataclass(frozen=True)
class Entry:
    """One line of a defaults list; a `group` of None selects the config at the path that is its only option."""

    group: str | None
    line: str
    options: Mapping[str, str]

    def origin(self, option: str) -> str:
        return self.options.get(option, self.line)


def entries_of(config_path: str) -> list[Entry]:
    """The defaults list of a file, its paths made absolute."""
    label, text = file_of(config_path) or ("", "")
    top = dict(pairs(composed(text)))
    items: list[yaml.Node] = next((value.value for key, value in top.items() if key.value == "defaults"), [])
    listed = [value for key, value in top.items() if key.value == PLUGINS and not isinstance(value, yaml.MappingNode)]
    return [
        *(_entry(item, label, config_path.rpartition("/")[0]) for item in items),
        *(_choice(node, label) for node in listed),
    ]


def _choice(node: yaml.Node, label: str) -> Entry:
    """`plugins: [a, b: {x: 1}]` of a recipe."""
    names = [name for item in items(node) for name in ([key for key, _ in pairs(item)] or [item])]
    lines = {name.value: f"{label}:{name.start_mark.line + 1}" for name in names}
    return Entry(PLUGINS, f"{label}:{node.start_mark.line + 1}", lines)


def _entry(item: yaml.Node, label: str, folder: str) -> Entry:
    def absolute(name: str) -> str:
        return name[1:] if name.startswith("/") else f"{folder}/{name}".lstrip("/")

    line = item.start_mark.line + 1
    if isinstance(item, yaml.ScalarNode):
        return Entry(None, f"{label}:{line}", {absolute(item.value.partition("@")[0]): f"{label}:{line}"})
    key, value = next(pairs(item))
    group = key.value.split()[-1]  # after `override` or `optional`
    options = value.value if isinstance(value, yaml.SequenceNode) else [value]
    lines = {option.value: f"{label}:{option.start_mark.line + 1}" for option in options}
    return Entry(absolute(group.partition("@")[0]), f"{label}:{line}", lines)


def file_of(config_path: str) -> tuple[str, str] | None:
    """What to call the YAML file that Hydra reads for `config_path`, and its text; None when that is no file."""
    config_path = at_home(config_path)
    for source in HydraConfig.get().runtime.config_sources:
        if source.schema == PluginConfigs.scheme() and _is_plugin(config_path):
            return None
        if source.schema not in ("pkg", "file"):
            continue
        packaged = source.schema == "pkg"
        if (source.path == BY_PATH) != config_path.startswith("/"):
            continue
        file = (files(source.path) if packaged else Path(source.path)) / f"{config_path.removesuffix('.yaml')}.yaml"
        if file.is_file():
            label = f"{source.path.replace('.', '/')}/{config_path}.yaml" if packaged else short(Path(str(file)))
            return label, file.read_text(encoding="utf-8")
    return None


def _is_plugin(config_path: str) -> bool:
    group, _, name = config_path.partition("/")
    return group in (PLUGINS, MORE, LESS) and name in installed()
