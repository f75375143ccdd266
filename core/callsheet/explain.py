"""`callsheet explain OVERRIDES`: why each plugin is active, where each value comes from, in which order hooks run."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy
import yaml
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from callsheet.audition import audition
from callsheet.compose import ADD, MORE, PLUGINS, PluginConfigs
from callsheet.hooks import PROJECT, Plugin, hook_names
from callsheet.listing import aligned
from callsheet.manual import as_override, own_fields_first
from callsheet.registry import find, installed, load
from callsheet.secrets import redact, redact_override

if TYPE_CHECKING:
    from hydra._internal.defaults_list import DefaultsList
    from hydra.core.default_element import ResultDefault
    from hydra.core.override_parser.types import Override
    from rich.console import Console

Key = tuple[str, ...]


@dataclass(frozen=True)
class Value:
    """A choice or a setting, and the file and line or the override that set it last."""

    key: str
    value: str
    origin: str


@dataclass(frozen=True)
class Active:
    """A selected plugin; `origin` is what selected it, `source` its distribution and version."""

    name: str
    source: str
    origin: str
    settings: tuple[Value, ...]


@dataclass(frozen=True)
class Explanation:
    """`hooks` maps each hook in use to its plugins as they are called; `left_aside` is set for plugins not selected."""

    choices: tuple[Value, ...]
    plugins: tuple[Active, ...]
    left_aside: tuple[Value, ...]
    hooks: Mapping[str, tuple[str, ...]]


def explain(cfg: DictConfig) -> Explanation:
    """Explain `cfg`; works inside the Hydra application that composed it, which is asked how it did."""
    trail = Trail.of_this_run()
    plugins = {str(name): kind for name in cfg.plugins if (kind := _plugin_class(cfg.plugins[name]))}
    return Explanation(
        choices=tuple(trail.choices()),
        plugins=tuple(_active(trail, name, plugin, cfg.plugins[name]) for name, plugin in plugins.items()),
        left_aside=tuple(
            Value(f"plugins.{name}", as_override(_plain(cfg.plugins[name])), trail.origin("plugins", str(name)))
            for name in cfg.plugins
            if name not in plugins
        ),
        hooks=call_order(plugins),
    )


def show(explanation: Explanation, console: Console | None = None) -> None:
    """Print `explanation` in columns; no line is folded, so that `grep` finds a value with its origin."""
    from rich.console import Console

    console = console or Console()
    for heading, rows in _sections(explanation):
        console.print(heading, style="bold", markup=False, highlight=False, soft_wrap=True)
        for line in aligned(rows):
            console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
        console.print()


def call_order(plugins: Mapping[str, type[Plugin]]) -> dict[str, tuple[str, ...]]:
    """Who is called when, for each hook in use: the order of the configuration, then the wishes of `@hookimpl(...)`."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Plugin)
    for name, plugin in reversed(list(plugins.items())):  # pluggy calls the latest registered first
        audition(name, plugin.__new__(plugin), find(name).origin)
        manager.register(type(name, (plugin,), {}), name)  # two names may share a class, and pluggy wants it once
    calls = {hook: reversed(getattr(manager.hook, hook).get_hookimpls()) for hook in hook_names()}
    order = {hook: tuple(map(_called, called)) for hook, called in calls.items()}
    return {hook: names for hook, names in order.items() if names}


def _called(call: pluggy.HookImpl) -> str:
    """The name of a plugin, with the wish that moved it out of line."""
    wishes = {"wrapper": call.wrapper or call.hookwrapper, "tryfirst": call.tryfirst, "trylast": call.trylast}
    said = ", ".join(wish for wish, made in wishes.items() if made)
    return f"{call.plugin_name} ({said})" if said else call.plugin_name


def _sections(explanation: Explanation) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    yield "Choices", [(choice.key, choice.value, choice.origin) for choice in explanation.choices]
    for plugin in explanation.plugins:
        heading = f"Plugin {plugin.name} ({plugin.source}), selected by {plugin.origin}"
        yield heading, [(setting.key, setting.value, setting.origin) for setting in plugin.settings]
    if explanation.left_aside:
        yield "Left aside, because it is not selected", [(v.key, v.value, v.origin) for v in explanation.left_aside]
    yield "Hooks, in the order plugins are called", [(hook, ", ".join(who)) for hook, who in explanation.hooks.items()]


def _plugin_class(node: Any) -> type[Plugin] | None:
    """The class of a selected plugin; None for settings alone."""
    kind = OmegaConf.get_type(node)
    return kind if isinstance(kind, type) and issubclass(kind, Plugin) else None


def _active(trail: Trail, name: str, plugin: type[Plugin], node: Any) -> Active:
    values = _plain(node)
    settings = [
        Value(field.name, as_override(values[field.name]), trail.origin("plugins", name, field.name))
        for field in own_fields_first(plugin)
    ]
    return Active(name, find(name).origin, trail.selection(name), tuple(settings))


def _plain(node: Any) -> Any:
    """`node` without OmegaConf and without secrets."""
    return redact(OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node)


def _declared(plugin: type[Plugin], key: str) -> str:
    """Where the class, or one that it inherits from, declares field `key`."""
    for owner in plugin.__mro__:
        if key in inspect.get_annotations(owner):
            module = sys.modules[owner.__module__]
            folder = (module.__package__ or "").replace(".", "/")
            file = Path(folder, Path(module.__file__ or "unknown").name)
            return f"default ({file.as_posix()}:{_line_of(owner, key)})"
    return "default"


def _line_of(owner: type, key: str) -> int:
    source, start = inspect.getsourcelines(owner)
    body = ast.parse(textwrap.dedent("".join(source))).body[0]
    fields = {
        node.target.id: node.lineno
        for node in getattr(body, "body", [])
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    return start + fields[key] - 1


# From here on: how Hydra came to a configuration.


@dataclass(frozen=True)
class Layer:
    """One thing that was merged: a file, a class or an override; `origins` has a text for each key that it sets."""

    origins: Mapping[Key, str]
    default: ResultDefault | None = None

    @property
    def path(self) -> str | None:
        return self.default.config_path if self.default else None

    def origin(self, *key: str) -> str:
        """Where this layer sets `key` or, failing that, something below it."""
        return self.origins.get(key) or next((o for k, o in self.origins.items() if k[: len(key)] == key), "")


@dataclass(frozen=True)
class Entry:
    """One line of a defaults list; a `group` of None selects the config at the path that is its only option."""

    group: str | None
    line: str
    options: Mapping[str, str]

    def origin(self, option: str) -> str:
        return self.options.get(option, self.line)


@dataclass(frozen=True)
class Trail:
    """What Hydra merged in one run, first to last."""

    primary: str
    chosen: Mapping[str, str | None]
    defaults: DefaultsList
    overrides: Sequence[Override]

    @classmethod
    def of_this_run(cls) -> Trail:
        hydra = HydraConfig.get()
        typed = [*hydra.overrides.hydra, *hydra.overrides.task]
        loader = GlobalHydra.instance().config_loader()
        return cls(
            primary=str(hydra.job.config_name),
            chosen={str(group): option for group, option in hydra.runtime.choices.items()},
            defaults=loader.compute_defaults_list(hydra.job.config_name, typed, RunMode.RUN),
            overrides=OverridesParser.create().parse_overrides(typed),
        )

    @cached_property
    def layers(self) -> list[Layer]:
        """In the order of merging: the last that sets a key wins."""
        merged = [Layer(_keys_of(default), default) for default in self.defaults.defaults]
        return [*merged, *(Layer(_keys_typed(override)) for override in self.defaults.config_overrides)]

    def origin(self, *key: str) -> str:
        """What set `key` last, or an empty string."""
        return next((origin for layer in reversed(self.layers) if (origin := layer.origin(*key))), "")

    def choices(self) -> Iterator[Value]:
        """The option of each group at the top but those of plugins."""
        parents = {layer.path: layer.default.parent for layer in self.layers if layer.default}
        for group, option in reversed(list(self.chosen.items())):
            if "/" not in group and group not in (PLUGINS, MORE):
                parent = parents.get(f"{group}/{option}") or self.primary
                yield Value(group, option or "none", self._selected(group, str(option), parent))

    def selection(self, name: str) -> str:
        """What brought plugin `name` into the configuration: the first layer that has it."""
        first = next(layer for layer in self.layers if layer.origin("plugins", name))
        return self._selected_by(first.default) or first.origin("plugins", name)

    def _selected_by(self, default: ResultDefault | None) -> str:
        """What selected an option of the groups of plugins; one that another option brings along names both."""
        group, _, option = ((default and default.config_path) or "").partition("/")
        if default is None or group not in (PLUGINS, MORE):
            return ""
        origin = self._selected(group, option, str(default.parent))
        outer = next((layer.default for layer in self.layers if layer.path == default.parent), None)
        return ", ".join(filter(None, (origin, self._selected_by(outer))))

    def _selected(self, group: str, option: str, parent: str) -> str:
        """The override, or the line in the defaults list of `parent` or of a file that overrides it."""
        typed = [override for override in self.overrides if override.key_or_group == group]
        added = [override for override in typed if override.is_add() and option in _listed(override.value())]
        by_path = [entry for entry in _entries(parent) if entry.group is None and f"{group}/{option}" in entry.options]
        decided = self.defaults.overrides.override_metadata.get(group)
        if added or (decided and decided.external_override and not by_path):
            return _typed([*typed, *added][-1])
        if decided and not by_path:
            parent = str(decided.containing_config_path)
        entries = by_path or [e for e in _entries(parent) if e.group == group]
        return entries[-1].origin(option) if entries else parent


def _typed(override: Override) -> str:
    """An override as it was typed, before `compose.translated`."""
    line = str(override.input_line)
    return f"override {redact_override(ADD + line.removeprefix(f'{MORE}=') if line.startswith(f'{MORE}=') else line)}"


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def _keys_of(default: ResultDefault) -> dict[Key, str]:
    """The keys that a file or the class of a plugin sets, below the package that Hydra puts it in."""
    path, package = str(default.config_path), tuple(filter(None, (default.package or "").split(".")))
    if found := _file(path):
        return {(*package, *key): f"{found[0]}:{line}" for key, line in _lines(_compose(found[1]))}
    if path.partition("/")[0] in (PLUGINS, MORE):
        plugin = load(path.partition("/")[2])
        return {(*package, field.name): _declared(plugin, field.name) for field in own_fields_first(plugin)}
    return {}


def _keys_typed(override: Override) -> dict[Key, str]:
    def below(key: Key, value: Any) -> Iterator[Key]:
        yield key
        for name, item in value.items() if isinstance(value, dict) else ():
            yield from below((*key, str(name)), item)

    return dict.fromkeys(below(tuple(override.key_or_group.split(".")), override.value()), _typed(override))


def _entries(config_path: str) -> list[Entry]:
    """The defaults list of a file, its paths made absolute."""
    label, text = _file(config_path) or ("", "")
    top = dict(_pairs(_compose(text)))
    items: list[yaml.Node] = next((value.value for key, value in top.items() if key.value == "defaults"), [])
    return [_entry(item, label, config_path.rpartition("/")[0]) for item in items]


def _entry(item: yaml.Node, label: str, folder: str) -> Entry:
    def absolute(name: str) -> str:
        return name[1:] if name.startswith("/") else f"{folder}/{name}".lstrip("/")

    line = item.start_mark.line + 1
    if isinstance(item, yaml.ScalarNode):
        return Entry(None, f"{label}:{line}", {absolute(item.value.partition("@")[0]): f"{label}:{line}"})
    key, value = next(_pairs(item))
    group = key.value.split()[-1]  # after `override` or `optional`
    options = value.value if isinstance(value, yaml.SequenceNode) else [value]
    lines = {option.value: f"{label}:{option.start_mark.line + 1}" for option in options}
    return Entry(absolute(group.partition("@")[0]), f"{label}:{line}", lines)


def _lines(node: yaml.Node | None, above: Key = ()) -> Iterator[tuple[Key, int]]:
    """Every key below `node` with its line; `<<` brings the keys of an anchor along."""
    for key, value in _pairs(node):
        if key.value == "<<":
            for anchor in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                yield from _lines(anchor, above)
        elif (*above, key.value) != ("defaults",):
            yield (*above, key.value), key.start_mark.line + 1
            yield from _lines(value, (*above, key.value))


def _pairs(node: yaml.Node | None) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    return iter(node.value if isinstance(node, yaml.MappingNode) else [])


def _compose(text: str) -> yaml.Node | None:
    return yaml.compose(text, Loader=yaml.SafeLoader)


def _file(config_path: str) -> tuple[str, str] | None:
    """What to call the YAML file that Hydra reads for `config_path`, and its text; None when that is no file."""
    for source in HydraConfig.get().runtime.config_sources:
        if source.schema == PluginConfigs.scheme() and _is_plugin(config_path):
            return None
        if source.schema not in ("pkg", "file"):
            continue
        packaged = source.schema == "pkg"
        file = (files(source.path) if packaged else Path(source.path)) / f"{config_path.removesuffix('.yaml')}.yaml"
        if file.is_file():
            label = f"{source.path.replace('.', '/')}/{config_path}.yaml" if packaged else _short(Path(str(file)))
            return label, file.read_text(encoding="utf-8")
    return None


def _is_plugin(config_path: str) -> bool:
    group, _, name = config_path.partition("/")
    return group in (PLUGINS, MORE) and name in installed()


def _short(file: Path) -> str:
    return str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)
