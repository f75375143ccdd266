"""The plugins of one run, in order, as one object to call: guards, ranks, requests, cost and state."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache, partial, wraps
from pathlib import Path
from typing import Any, cast

from pluggy import HookImpl, HookimplOpts, PluginManager

from callsheet.errors import CallsheetError, PluginFailure
from callsheet.hooks import PROJECT, Plugin, hook_names, hookspec, plugin_name
from callsheet.plugins.by_position import by_position
from callsheet.plugins.guards import WITHOUT, CallContext, EventLog, Guard, each_of, left_out, reaction
from callsheet.plugins.registry import Installed, installed
from callsheet.plugins.validation import marked, validate
from callsheet.values import numbers, stored

logger = logging.getLogger("callsheet")

CARRIED = {"on_log": "logs", "on_evaluate": "metrics"}  # what events of native callbacks carry that they may add to
UNASKED = "its state_dict failed, or was not called any more"


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
        self._refused: set[tuple[str, str]] = set()
        self.absent: dict[
            str, Any
        ] = {}  # what the checkpoint that is resumed from says of plugins that are not selected
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

    def refuse(self, door: str, odd: Mapping[str, str]) -> None:
        """Report, once, values that `door` was handed and left out, under the name of the plugin being called.

        `odd` maps the name of a value to what it is. Does what the plugin's `on_error` says.
        """
        if guard := self._guard_of(self.context.calling):
            guard.refuse(door, odd)
        elif new := {name: what for name, what in odd.items() if (door, name) not in self._refused}:
            self._refused |= {(door, name) for name in new}
            self.context.log("refused", door=door, values=new, rank=self.context.rank)
            logger.warning("%s was handed %s %s", door[:1].upper() + door[1:], left_out(new), WITHOUT)

    def guarded(self, name: str | None, what: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """`call`, guarded and timed as `what` of the plugin `name`; as it is, if there is no such plugin."""
        guard = self._guard_of(name)
        return guard.around(what, call) if guard else call

    def ends_the_run(self, name: str | None) -> bool:
        """Whether a failure of the plugin `name` ends the run."""
        guard = self._guard_of(name)
        return guard is None or guard.on_error == "raise"

    def request(self, kind: str, reason: str = "") -> None:
        """Note that the plugin being called asks for `kind` (stop, save or eval)."""
        reason = str(reason or f"{self.context.calling or 'a plugin'} asked for it")
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
                call = guard.around(event, getattr(callback, event))
                setattr(callback, event, _watched(guard, CARRIED[event], call) if event in CARRIED else call)
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

    def state_dicts(self) -> tuple[dict[str, Any], Exception | None]:
        """The state of every plugin that has one, by plugin name, ready for JSON; and the first failure that counts.

        A state that is not whole says under `lost` what of it is missing, and so does that of a plugin that the run was
        resumed without.
        """
        states: dict[str, Any] = {**self.absent}
        failure: Exception | None = None
        for member in self.members:
            found: tuple[dict[str, Any], dict[str, str]] | None = None
            try:
                found = member.guard.around("state_dict", partial(_state, member.plugin))()
                member.guard.refuse("its checkpoint (state_dict)", found[1] if found else {})
            except (CallsheetError, PluginFailure) as error:
                failure = failure or error
            state, odd = found or ({}, {})
            lost = (
                f"JSON cannot hold this: {each_of(odd)}"
                if odd
                else ""
                if found or not _has_state(member.plugin)
                else UNASKED
            )
            if state or lost:
                states[member.name] = {"origin": member.origin, "state": state, **({"lost": lost} if lost else {})}
        return states, failure

    def load_state_dicts(self, states: Mapping[str, Any], step: int) -> dict[str, str]:
        """Give every plugin back what its namesake saved, and say of each that gets less what happens.

        A plugin whose failures end the run gets its whole state, or none of it. A state that nobody takes is dropped:
        it is of `step`, and old when the plugin is selected again.
        """
        names = {plugin_name(plugin) for plugin in self.plugins}
        self.absent = {name: _dropped(saved, step) for name, saved in states.items() if name not in names}
        missing: dict[str, str] = {}
        for member in self.members:
            saved = states.get(member.name, {})
            if lost := saved.get("lost", ""):
                gets = saved.get("state") and member.guard.on_error != "raise"
                begins = "It has the rest back" if gets else "The plugin begins anew"
                missing[member.name] = f"the whole state of {member.guard.who}, because {lost}. {begins}."
            if saved.get("state") and not (lost and member.guard.on_error == "raise"):
                member.guard.around("load_state_dict", partial(member.plugin.load_state_dict, saved["state"]))()
        return missing

    def cost(self) -> dict[str, dict[str, dict[str, float]]]:
        """Calls, seconds and the slowest call, by plugin and hook."""
        return {
            guard.name: {hook: asdict(cost) for hook, cost in guard.costs.items() if cost.calls}
            for guard in self._guards()
        }

    def _guard_of(self, name: str | None) -> Guard | None:
        return next((guard for guard in self._guards() if guard.name == name), None)

    def _guards(self) -> Iterator[Guard]:
        yield from (member.guard for member in self.members)
        yield from self._extra

    @property
    def disabled(self) -> set[str]:
        """The plugins that are no longer called, because one of their hooks raised."""
        return {member.name for member in self.members if member.guard.disabled}

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
        manager.add_hookspecs(_specs())
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
            is_wrapper = options["wrapper"] or options["hookwrapper"]
            around = member.guard.around_wrapper if is_wrapper else member.guard.around
            self.options[hook] = options
            names = [*inspect.signature(method).parameters]
            setattr(self, hook, by_position(around(hook, method), names, is_wrapper=is_wrapper))


@cache
def _specs() -> type[Any]:
    """The hooks of the contract as pluggy takes them, with all of their arguments."""
    specs = {}
    for name in hook_names():
        made = by_position(getattr(Plugin, name), [*inspect.signature(getattr(Plugin, name)).parameters][1:])
        specs[name] = staticmethod(hookspec(made))
    return type("Specs", (), specs)


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


def _has_state(plugin: Plugin) -> bool:
    return type(plugin).state_dict is not Plugin.state_dict


def _dropped(saved: Mapping[str, Any], step: int) -> dict[str, Any]:
    """What is kept of a state that nobody takes: why it is not there."""
    why = saved.get("lost") if not saved.get("state") else ""
    return {
        "origin": saved.get("origin", ""),
        "state": {},
        "lost": why or f"the run was resumed without it at step {step}",
    }


def _state(plugin: Plugin) -> tuple[dict[str, Any], dict[str, str]]:
    return stored(plugin.state_dict())


def _watched(guard: Guard, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """`call`, reported under the name of its callback when it adds to the dictionary `name` what is no number."""

    @wraps(call)
    def watched(*args: Any, **kwargs: Any) -> Any:
        before = numbers(kwargs.get(name) or {})[1]
        result = call(*args, **kwargs)
        after = numbers(kwargs.get(name) or {})[1]
        guard.refuse(name, {key: what for key, what in after.items() if key not in before}, raises=False)
        return result

    return watched
