"""`callsheet explain OVERRIDES`: why each plugin is active, where each value comes from, in which order hooks run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pluggy
from omegaconf import DictConfig, OmegaConf

from callsheet.cli.views.columns import aligned
from callsheet.config.origins import Origins, Value
from callsheet.config.plan import selected_class
from callsheet.hooks import Plugin, hook_names
from callsheet.named_callbacks.naming import PATH, TARGET, entry
from callsheet.plugins.lineup import Lineup
from callsheet.plugins.manual import as_override, own_fields_first
from callsheet.plugins.registry import find
from callsheet.secrets import redact

if TYPE_CHECKING:
    from rich.console import Console


WIDEST = 60  # characters of a value that the column of origins stands back for


@dataclass(frozen=True)
class Active:
    """A selected plugin; `origin` is what selected it, `source` its distribution and version."""

    name: str
    source: str
    origin: str
    settings: tuple[Value, ...]


@dataclass(frozen=True)
class Explanation:
    """`hooks` maps each hook in use to its plugins as they are called; `left_aside` is set for plugins not selected.

    `callbacks` are the native ones that the configuration names, in their order.
    """

    choices: tuple[Value, ...]
    plugins: tuple[Active, ...]
    left_aside: tuple[Value, ...]
    hooks: Mapping[str, tuple[str, ...]]
    callbacks: tuple[Active, ...] = ()


def explain(cfg: DictConfig) -> Explanation:
    """Explain `cfg`; works inside the Hydra application that composed it, which is asked how it did."""
    trail = Origins.of_this_run()
    plugins = {str(name): kind for name in cfg.plugins if (kind := selected_class(cfg.plugins[name]))}
    return Explanation(
        choices=tuple(trail.choices()),
        plugins=tuple(_active(trail, name, plugin, cfg.plugins[name]) for name, plugin in plugins.items()),
        left_aside=tuple(
            Value(f"plugins.{name}", as_override(_plain(cfg.plugins[name])), trail.origin("plugins", str(name)))
            for name in cfg.plugins
            if name not in plugins
        ),
        hooks=call_order(plugins),
        callbacks=tuple(
            _callback(trail, str(name), _plain(cfg.callbacks[name])) for name in cfg.callbacks if cfg.callbacks[name]
        ),
    )


def show(explanation: Explanation, console: Console | None = None) -> None:
    """Print `explanation` in columns; no line is folded, so that `grep` finds a value with its origin."""
    from rich.console import Console

    console = console or Console()
    for heading, rows in _sections(explanation):
        console.print(heading, style="bold", markup=False, highlight=False, soft_wrap=True)
        for line in aligned(rows, widest=WIDEST, whole=True):
            console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
        console.print()


def call_order(plugins: Mapping[str, type[Plugin]]) -> dict[str, tuple[str, ...]]:
    """Who is called when, for each hook in use, by the lineup that a run would have."""
    lineup = Lineup({name: plugin.__new__(plugin) for name, plugin in plugins.items()})
    order = {hook: tuple(map(_called, lineup.calls(hook))) for hook in hook_names()}
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
    for callback in explanation.callbacks:
        heading = f"Callback {callback.name} ({callback.source}), named by {callback.origin}"
        yield heading, [(setting.key, setting.value, setting.origin) for setting in callback.settings]
    if explanation.left_aside:
        yield "Left aside, because it is not selected", [(v.key, v.value, v.origin) for v in explanation.left_aside]
    yield "Hooks, in the order plugins are called", [(hook, ", ".join(who)) for hook, who in explanation.hooks.items()]


def _active(trail: Origins, name: str, plugin: type[Plugin], node: Any) -> Active:
    values = _plain(node)
    settings = [
        Value(field.name, as_override(values[field.name]), trail.origin("plugins", name, field.name))
        for field in own_fields_first(plugin)
    ]
    return Active(name, find(name).origin, trail.selection(name), tuple(settings))


def _callback(trail: Origins, name: str, written: Any) -> Active:
    found = entry(name, written)
    settings = [
        Value(key, as_override(value), trail.origin("callbacks", name, key)) for key, value in found.arguments.items()
    ]
    key = next((key for key in (TARGET, PATH) if isinstance(written, Mapping) and key in written), None)
    origin = trail.origin("callbacks", name, *([key] if key else []))
    return Active(name, found.path, origin, tuple(settings))


def _plain(node: Any) -> Any:
    """`node` without OmegaConf and without secrets."""
    return redact(OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node)
