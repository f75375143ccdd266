"""Names that moved or changed: what each is called now, and the release that drops the old one."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

RENAMED = {
    "callsheet.Report": "callsheet.records.PreflightReport",
    "callsheet.records.Report": "callsheet.records.PreflightReport",
    "callsheet.outbox.Job": "callsheet.outbox.handlers.Delivery",
    "callsheet.outbox.handlers.Job": "callsheet.outbox.handlers.Delivery",
}
GONE_IN = "0.3"


def renamed(module: str, name: str) -> Any:
    """What `module.name` is called now, with a warning for the author; raises `AttributeError` for any other name."""
    if (new := RENAMED.get(f"{module}.{name}")) is None:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    home, _, attribute = new.rpartition(".")
    said = f"{module}.{name} is {attribute} now; the old name goes in Callsheet {GONE_IN}."
    warnings.warn(said, DeprecationWarning, stacklevel=3)
    return getattr(import_module(home), attribute)
