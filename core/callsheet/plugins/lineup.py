"""The plugins of one run, in order, as one object to call: guards, ranks, requests, cost and state."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

from pluggy import HookImpl, HookimplOpts, PluginManager

from callsheet.errors import CallsheetError
from callsheet.hooks import PROJECT, Plugin
from callsheet.plugins.guards import CallContext, EventLog, Guard, reaction
from callsheet.plugins.registry import Installed, installed
from callsheet.plugins.validation import marked, validate


@dataclass(frozen=True)
class Member:
    """One plugin of the lineup."""

    name: str
    plugin: Plugin
    guard: Guard
    source: Installed | None

    @property
    def origin(self) -> str:
        return origin(self.name, self.plugin)


class Lineup:
    """The selected plugins; `hooks` calls them all, in the order given.

    Plugins of the main rank are left out on every other rank. Raises `CallsheetError` for a plugin that does not fit
    the contract, or whose `on_error` could hang a job of several ranks.
    """

    def __init__(
        self, plugins: Mapping[str, Plugin], *, rank: int = 0, world_size: int = 1, log: EventLog = lambda *a, **k: None
    ) -> None:
        self.context = CallContext(log, rank)
        self.requested: dict[str, tuple[str | None, str]] = {}  # kind: who asked, and why
        self.members: list[Member] = []
        self.plugins = [*plugins.values()]
        self._extra: list[Guard] = []
        for name, plugin in plugins.items():
            validate(name, plugin, origin(name, plugin))
            vars(plugin)["_callsheet_name"] = name
            if plugin.ranks == "all" or rank == 0:
                self.members.append(self._member(name, plugin, world_size))
        self.manager = self._manager()
        self.hooks = cast(Plugin, self.manager.hook)

    def implements(self, hook: str) -> bool:
        """Whether any plugin here joins `hook`."""
        return bool(self.calls(hook))

    def calls(self, hook: str) -> list[HookImpl]:
        """Who joins `hook`, in the order in which they are called, with their wishes about it."""
        found: list[HookImpl] = getattr(self.manager.hook, hook).get_hookimpls()
        return found[::-1]  # pluggy keeps the first to call at the end

    def request(self, kind: str, reason: str) -> None:
        """Note that the plugin being called asks for `kind` (stop, save or eval)."""
        self.requested.setdefault(kind, (self.context.calling, reason))
        self.context.log("requested", request=kind, plugin=self.context.calling, reason=reason, rank=self.context.rank)

    def guard_callback(self, callback: Any, guard: Guard) -> Any:
        """Guard and time the events of a native `TrainerCallback`, in place.

        A wrapper around it would be another object of another class. Trainer removes a callback by class or by
        identity, and saves its state under the name of its class: transformers 5.23, trainer_callback.py, lines 119-140
        and 462-481, as do plugins that look for `ProgressCallback`.
        """
        from transformers import TrainerCallback

        for event in (name for name in vars(TrainerCallback) if name.startswith("on_")):
            if getattr(type(callback), event, None) is not getattr(TrainerCallback, event):
                setattr(callback, event, guard.around(event, getattr(callback, event)))
        return callback

    def callback_guard(self, name: str, origin: str) -> Guard:
        """The guard of a native callback that a configuration names; it raises, as it would without Callsheet."""
        self._extra.append(Guard(name, origin, "raise", self.context))
        return self._extra[-1]

    def add_callbacks(self, state: Any) -> list[Any]:
        """The native callbacks that plugins give the trainer, each guarded as its plugin."""
        added: list[Any] = []
        by_name = {member.name: member for member in self.members}

        def add(callback: Any) -> None:
            added.append(self.guard_callback(callback, by_name[str(self.context.calling)].guard))

        self.hooks.add_callbacks(state=state, add=add)
        return added

    @property
    def publishes(self) -> bool:
        """Whether some plugin, on whichever rank it runs, announces checkpoints as revisions."""
        return any(plugin.announces_revisions for plugin in self.plugins)

    @property
    def publishers(self) -> list[Member]:
        """The plugins that publish a final model when asked to."""
        return [member for member in self.members if type(member.plugin).publish is not Plugin.publish]

    def publish(self, state: Any, folder: Path) -> None:
        """Have the final model in `folder` published."""
        for member in self.publishers:
            member.guard.around("publish", member.plugin.publish)(state=state, folder=folder)

    def state_dicts(self) -> dict[str, Any]:
        """The state of every plugin that has one, by plugin name, ready for JSON."""
        states = {
            member.name: member.guard.around("state_dict", partial(_json_state, member))() for member in self.members
        }
        return {name: state for name, state in states.items() if state}

    def load_state_dicts(self, states: Mapping[str, Any]) -> None:
        """Give every plugin back what its namesake saved."""
        for member in self.members:
            if member.name in states:
                load = partial(member.plugin.load_state_dict, states[member.name]["state"])
                member.guard.around("load_state_dict", load)()

    def cost(self) -> dict[str, dict[str, dict[str, float]]]:
        """Calls, seconds and the slowest call, by plugin and hook."""
        guards = [*(member.guard for member in self.members), *self._extra]
        return {
            guard.name: {hook: asdict(cost) for hook, cost in guard.costs.items() if cost.calls} for guard in guards
        }

    def _member(self, name: str, plugin: Plugin, world_size: int) -> Member:
        on_error = reaction(plugin.ranks, plugin.on_error)
        if plugin.ranks == "all" and world_size > 1 and on_error != "raise":
            raise CallsheetError(
                f"plugins.{name}.on_error={on_error} is refused on {world_size} ranks: {name} runs on all of them, and "
                "one that skips a collective hangs the others. Leave it at raise."
            )
        source = installed().get(name)
        return Member(name, plugin, Guard(name, origin(name, plugin), on_error, self.context), source)

    def _manager(self) -> PluginManager:
        manager = _Manager(PROJECT)
        manager.add_hookspecs(Plugin)
        for member in reversed(self.members):  # pluggy calls the latest registered first
            manager.register(_Guarded(member), member.name)
        manager.check_pending()
        return manager


class _Guarded:
    """What pluggy sees of a plugin: its marked hooks, each behind its guard."""

    def __init__(self, member: Member) -> None:
        self.options: dict[str, HookimplOpts] = {}
        for hook, method in marked(member.plugin):
            options: HookimplOpts = getattr(method, f"{PROJECT}_impl")
            around: Callable[..., Any] = member.guard.around
            if options["wrapper"] or options["hookwrapper"]:
                around = member.guard.around_wrapper
            self.options[hook] = options
            setattr(self, hook, around(hook, method))


class _Manager(PluginManager):
    def parse_hookimpl_opts(self, plugin: object, name: str) -> HookimplOpts | None:
        return plugin.options.get(name) if isinstance(plugin, _Guarded) else None


def origin(name: str, plugin: Plugin) -> str:
    """Distribution and version of an installed plugin, else the module its class is defined in."""
    source = installed().get(name)
    defined_in = type(plugin).__module__
    if source and (defined_in == source.entry_point.module or defined_in.startswith(f"{source.entry_point.module}.")):
        return source.origin
    return defined_in


def _json_state(member: Member) -> dict[str, Any]:
    """State as it will be read back: through JSON, so that what cannot be saved fails here, under the plugin's name."""
    state = json.loads(json.dumps(member.plugin.state_dict(), allow_nan=True))
    return {"origin": member.origin, "state": state} if state else {}
