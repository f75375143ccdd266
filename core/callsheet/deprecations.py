"""Names and values that changed: what each is called now, and the release that drops the old one."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from functools import cache
from importlib import import_module
from typing import Any

RENAMED = {
    "callsheet.Report": "callsheet.records.PreflightReport",
    "callsheet.records.Report": "callsheet.records.PreflightReport",
    "callsheet.outbox.Job": "callsheet.outbox.handlers.Delivery",
    "callsheet.outbox.handlers.Job": "callsheet.outbox.handlers.Delivery",
}
# Values of settings, by the whole name of the setting.
RENAMED_VALUES = {"plugins.benchmarks.dispatch": {"none": "script"}}
# Plugins of this distribution, by entry point; the old name is an entry point, too, and does what the new one does.
RENAMED_PLUGINS = {"print_progress": "progress"}
GONE_IN = "0.3"


def renamed(module: str, name: str) -> Any:
    """What `module.name` is called now, with a warning for the author; raises `AttributeError` for any other name."""
    if (new := RENAMED.get(f"{module}.{name}")) is None:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    home, _, attribute = new.rpartition(".")
    said = f"{module}.{name} is {attribute} now; the old name goes in Callsheet {GONE_IN}."
    warnings.warn(said, DeprecationWarning, stacklevel=3)
    return getattr(import_module(home), attribute)


def current_value(setting: str, value: str) -> str:
    """What `value` of `setting` is called now: also files of an earlier release may hold the old one."""
    return RENAMED_VALUES[setting].get(value, value)


def renamed_value(setting: str, value: str) -> str:
    """The same for what a user wrote, who is told once."""
    if (new := current_value(setting, value)) != value:
        _tell(f"{setting}={value} is called {setting}={new} now; the old name goes in Callsheet {GONE_IN}.")
    return new


def renamed_plugins(names: Collection[str]) -> list[str]:
    """What to say of the plugins among `names` that are called otherwise now: a sentence for each."""
    return [
        f"Plugin {name} is called {new} now, and so are its settings, plugins.{new}; the old name goes in "
        f"Callsheet {GONE_IN}."
        for name, new in RENAMED_PLUGINS.items()
        if name in names
    ]


def tell_renamed_plugins(names: Collection[str]) -> None:
    """The same for a script, which has no preflight that says it."""
    for said in renamed_plugins(names):
        _tell(said)


def selected_twice(names: Collection[str]) -> list[str]:
    """What to say of those that are there under both of their names."""
    return [
        f"Plugin {new} is selected twice: {name} is its old name. Leave {name} out."
        for name, new in RENAMED_PLUGINS.items()
        if {name, new} <= {*names}
    ]


@cache
def _tell(said: str) -> None:
    import logging

    logging.getLogger("callsheet").warning(said)
