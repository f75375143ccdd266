"""Which dispatcher a setting names, and with which settings it is made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.deprecations import current_value
from callsheet.errors import CallsheetError
from callsheet.plugins import entry_points
from callsheet.plugins.groups import DISPATCHERS

if TYPE_CHECKING:
    from callsheet_plugins.benchmarks.dispatch.contract import Dispatcher

SETTING = "plugins.benchmarks.dispatch"


def dispatcher_names() -> list[str]:
    """The dispatchers that are installed."""
    return [*entry_points.installed(DISPATCHERS)]


def dispatcher_class(name: str) -> type[Dispatcher]:
    """The dispatcher that some installed package brings under `name`; raises `CallsheetError`."""
    kind: type[Dispatcher] = entry_points.load_class(DISPATCHERS, name)
    return kind


def dispatcher(running: Mapping[str, Any], run_dir: Path) -> Dispatcher:
    """The place that a job's payload names, for all jobs of one courier; raises `CallsheetError`."""
    name = current_value(SETTING, running["dispatch"])
    kind = dispatcher_class(name)
    try:
        return kind(run_dir, running.get(section_of(kind)) or {})
    except Exception as error:
        origin = entry_points.find(DISPATCHERS, name).origin
        said = f"Benchmark dispatcher {name!r} from {origin} could not be made: {type(error).__name__}: {error}."
        raise CallsheetError(said) from error


def section_of(kind: type[Dispatcher]) -> str:
    """Which settings it gets; a class need not inherit from `Dispatcher`."""
    from callsheet_plugins.benchmarks.dispatch.contract import Dispatcher

    return str(getattr(kind, "section", Dispatcher.section))
