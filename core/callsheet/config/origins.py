"""How Hydra came to a configuration: which file, class or override set a key, and which selected an option."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser

from callsheet.config.experiment.files import key_in
from callsheet.config.experiment.words import GROUP
from callsheet.config.overrides import LESS, MORE, PLUGINS, as_typed
from callsheet.config.texts.keys import Key, lines_of
from callsheet.config.yaml_lines import entries_of, file_of
from callsheet.hooks import Plugin
from callsheet.plugins.manual import own_fields_first
from callsheet.plugins.registry import installed, load
from callsheet.privates.hydra import changed_by, defaults_list
from callsheet.secrets import redact_override

if TYPE_CHECKING:
    from hydra.core.default_element import ResultDefault
    from hydra.core.override_parser.types import Override

    from callsheet.privates.hydra import DefaultsList


SETTING = re.compile(
    r"\b(experiment|model|dataset|trainer|peft|launch|outbox|finish|plugins|callbacks)(\.[\w-]+)+"
    r"|^(experiment|output_dir|resume|branch|plugins_lock)(?=\W)"
)
OVERRIDES = f"{GROUP}.overrides"  # of all arms, which come after every file
AXES = (f"{GROUP}.matrix", f"{GROUP}.search.space")  # which set it in some arms, or in all
LINE = re.compile(r"^(?!default|callsheet_conf/).*\.yaml:\d+$")


@dataclass(frozen=True)
class Value:
    """A choice or a setting, and the file and line or the override that set it last."""

    key: str
    value: str
    origin: str


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
class Origins:
    """What Hydra merged in one run, first to last."""

    primary: str
    chosen: Mapping[str, str | None]
    defaults: DefaultsList
    overrides: Sequence[Override]

    @classmethod
    def of_this_run(cls) -> Origins:
        hydra = HydraConfig.get()
        typed = [*hydra.overrides.hydra, *hydra.overrides.task]
        return cls(
            primary=str(hydra.job.config_name),
            chosen={str(group): option for group, option in hydra.runtime.choices.items()},
            defaults=defaults_list(hydra.job.config_name, typed),
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

    def of_setting(self, name: str) -> str:
        """What set `name`, which in an experiment may be a key below a key with dots; else what is around it."""
        keys = {".".join(key): origin for layer in self.layers for key, origin in layer.origins.items()}
        if found := keys.get(f"{OVERRIDES}.{name}") or self.origin(*name.split(".")):
            return found
        if found := next((keys[axis] for above in AXES if (axis := f"{above}.{name}") in keys), ""):
            return found
        parts = name.split(".") if name.startswith(f"{GROUP}.") else []
        around = (".".join(parts[:length]) for length in range(len(parts), 1, -1))
        return next((keys[each] for each in around if each in keys), "")

    def choices(self) -> Iterator[Value]:
        """The option of each group at the top but those of plugins."""
        parents = {layer.path: layer.default.parent for layer in self.layers if layer.default}
        for group, option in reversed(list(self.chosen.items())):
            plain = group == GROUP and option is None  # the name of a run, which is a value
            if "/" not in group and group not in (PLUGINS, MORE, LESS) and not plain:
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
        by_path = [
            entry for entry in entries_of(parent) if entry.group is None and f"{group}/{option}" in entry.options
        ]
        decided = changed_by(self.defaults, group)
        if added or (decided and decided.external_override and not by_path):
            return _typed([*typed, *added][-1])
        if decided and not by_path:
            parent = str(decided.containing_config_path)
        entries = by_path or [e for e in entries_of(parent) if e.group == group]
        return entries[-1].origin(option) if entries else parent


def located(text: str) -> str:
    """The lines of `text`, each with the file and line that set the setting which it names first, if one did."""
    named = [SETTING.search(line) for line in text.split("\n")]
    if not any(named):
        return text
    try:
        trail = Origins.of_this_run()
        places = [trail.of_setting(found[0]) if found else "" for found in named]
    except Exception:  # what is wrong may be what the trail is made from, and is to be said as it is
        return text
    lines = zip(text.split("\n"), places, strict=True)
    return "\n".join(f"{line} (Set in {place}.)" if LINE.search(place) else line for line, place in lines)


def overruled_presets() -> Iterator[str]:
    """What presets of this run set in vain: a recipe sets it too, and what it sets comes after them."""
    if not any(any(Path(each.path, PLUGINS).glob("*.yaml")) for each in HydraConfig.get().runtime.config_sources):
        return
    trail = Origins.of_this_run()
    for default in trail.defaults.defaults:
        group, _, name = str(default.config_path).partition("/")
        for key, origin in _keys_of(default).items() if group in (PLUGINS, MORE) and name not in installed() else ():
            winner = trail.origin(*key)
            if winner not in (origin, "") and not winner.startswith("override "):
                yield f"{'.'.join(key)} of preset {name} ({origin}) does not count: {winner} sets it, too."


def _typed(override: Override) -> str:
    return f"override {redact_override(as_typed(str(override.input_line)))}"


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def _keys_of(default: ResultDefault) -> dict[Key, str]:
    """The keys that a file or the class of a plugin sets, below the package that Hydra puts it in."""
    path, package = str(default.config_path), tuple(filter(None, (default.package or "").split(".")))
    if found := file_of(path):
        above = (*package, *filter(None, [key_in(path, found[1], "")]))
        return {(*above, *key): f"{found[0]}:{line}" for key, line in lines_of(found[1])}
    if path.startswith(f"{LESS}/"):
        return {(PLUGINS, path.partition("/")[2]): f"~plugins={path.partition('/')[2]}"}
    if path.partition("/")[0] in (PLUGINS, MORE):
        plugin = load(path.partition("/")[2])
        return {(*package, field.name): declared(plugin, field.name) for field in own_fields_first(plugin)}
    return {}


def _keys_typed(override: Override) -> dict[Key, str]:
    def below(key: Key, value: Any) -> Iterator[Key]:
        yield key
        for name, item in value.items() if isinstance(value, dict) else ():
            yield from below((*key, str(name)), item)

    return dict.fromkeys(below(tuple(override.key_or_group.split(".")), override.value()), _typed(override))


def declared(plugin: type[Plugin], key: str) -> str:
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
