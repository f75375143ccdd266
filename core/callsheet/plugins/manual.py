"""`callsheet plugins NAME`: the manual of one plugin, written from its class."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import shlex
import sys
from dataclasses import dataclass
from enum import Enum
from typing import Any

from callsheet.hooks import PROJECT, Plugin, hook_names
from callsheet.plugins import entry_points
from callsheet.plugins.groups import COMMANDS, GROUPS, PLUGINS, Group
from callsheet.plugins.guards import reaction
from callsheet.plugins.registry import find, load, structured
from callsheet.plugins.validation import validate_class
from callsheet.settings import range_of

REQUIRED = "required"
BARE = re.compile(
    r"(?!(?:true|false|null|inf|nan)$)[a-z_/][\w/.:-]*|\?{3}", re.IGNORECASE
)  # Hydra needs no quotes for these


@dataclass(frozen=True)
class Setting:
    """One field of a plugin; `default` is as it would be typed on the command line, or "required"."""

    name: str
    type: str
    default: str
    range: str
    help: str


@dataclass(frozen=True)
class Manual:
    """What there is to know about a plugin without reading its source; `on_error` is what it does unless told."""

    name: str
    docstring: str
    settings: tuple[Setting, ...]
    hooks: tuple[str, ...]
    ranks: str
    on_error: str
    requires_api: str
    entry_point: str
    distribution: str
    version: str
    file: str
    example: str


@dataclass(frozen=True)
class Part:
    """What there is to know about an engine, a dispatcher, an outbox kind or a command."""

    noun: str
    name: str
    docstring: str
    entry_point: str
    distribution: str
    version: str


def parts(name: str) -> list[Part]:
    """What packages bring under `name` besides plugins; raises `CallsheetError` for what cannot be imported."""
    groups = [group for group in GROUPS if group is not PLUGINS and name in entry_points.installed(group)]
    return [_part(group, name) for group in groups]


def _part(group: Group, name: str) -> Part:
    found = entry_points.find(group, name)
    loaded = entry_points.load(group, name) if group is COMMANDS else entry_points.load_class(group, name)
    text = str(getattr(loaded, "help", "") or "") if group is COMMANDS else inspect.getdoc(loaded) or ""
    value = found.entry_point.value
    return Part(
        group.noun, name, inspect.cleandoc(re.sub(r" *\x08\n", "", text)), value, found.distribution, found.version
    )


def manual(name: str) -> Manual:
    """Import plugin `name` and describe it; raises `CallsheetError` where that fails, or a run would refuse it."""
    found, plugin = find(name), load(name)
    validate_class(name, plugin, found.origin)
    structured(name)
    settings = tuple(setting for field in own_fields_first(plugin) for setting in _settings(field))
    return Manual(
        name=name,
        docstring=_docstring(plugin),
        settings=settings,
        hooks=tuple(implemented(plugin)),
        ranks=plugin.ranks,
        on_error=_on_error(plugin),
        requires_api=plugin.requires_api,
        entry_point=found.entry_point.value,
        distribution=found.distribution,
        version=found.version,
        file=sys.modules[plugin.__module__].__file__ or "unknown",
        example=_example(name, settings[0]),
    )


def implemented(plugin: type[Plugin]) -> list[str]:
    """The hooks that `plugin` marks with `@hookimpl`, in the order a run meets them."""
    return [name for name in hook_names() if hasattr(getattr(plugin, name), f"{PROJECT}_impl")]


def own_fields_first(plugin: type[Plugin]) -> list[dataclasses.Field[Any]]:
    """The settings of `plugin`: those of its own class, then those of each class it inherits from."""
    fields = {field.name: field for field in dataclasses.fields(plugin)}
    declared = [name for owner in plugin.__mro__ for name in inspect.get_annotations(owner)]
    return [fields[name] for name in dict.fromkeys(declared) if name in fields]


def _settings(field: dataclasses.Field[Any], below: str = "") -> list[Setting]:
    """A field, or the fields of the settings that it holds, each with its whole name."""
    made = None if field.default_factory is dataclasses.MISSING else field.default_factory()
    if dataclasses.is_dataclass(made):
        inner = dataclasses.fields(made)
        return [setting for each in inner for setting in _settings(each, f"{below}{field.name}.")]
    return [_setting(field, below)]


def _setting(field: dataclasses.Field[Any], below: str) -> Setting:
    kind = field.type if isinstance(field.type, str) else inspect.formatannotation(field.type)
    return Setting(f"{below}{field.name}", kind, _default(field), range_of(field), field.metadata.get("help", ""))


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default_factory is not dataclasses.MISSING:
        return as_override(field.default_factory())
    return REQUIRED if field.default in (dataclasses.MISSING, "???") else as_override(field.default)


def as_override(value: Any) -> str:
    """`value` as Hydra reads it after `key=`: null, true, [a,b], and quotes around a string that needs them."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{as_override(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(as_override, value)) + "]"
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, str):
        return value if BARE.fullmatch(value) else json.dumps(value, ensure_ascii=False)
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


def _docstring(plugin: type[Plugin]) -> str:
    """Without one of its own, a dataclass gets its signature as docstring."""
    text = plugin.__doc__ or ""
    return "" if text.startswith(f"{plugin.__name__}(") else inspect.cleandoc(text)


def _on_error(plugin: type[Plugin]) -> str:
    default = next(field.default for field in dataclasses.fields(plugin) if field.name == "on_error")
    return reaction(plugin.ranks, default if isinstance(default, str) else None)


def _example(name: str, setting: Setting) -> str:
    value = "VALUE" if setting.default == REQUIRED else setting.default
    return f"callsheet train 'plugins=[{name}]' {shlex.quote(f'plugins.{name}.{setting.name}={value}')}"
