"""The engines: programs that score a model, each in a process, and where wanted in an environment, of its own."""

from __future__ import annotations

from callsheet.errors import CallsheetError
from callsheet.plugins import entry_points
from callsheet.plugins.groups import ENGINES
from callsheet_plugins.benchmarks.definitions import Benchmark
from callsheet_plugins.benchmarks.engines.contract import Engine, Malformed, Scores, Work
from callsheet_plugins.benchmarks.engines.files import json_of, rows_of

__all__ = ["Benchmark", "Engine", "Malformed", "Scores", "Work", "engine", "json_of", "rows_of"]


def engine(name: str) -> Engine:
    """The engine that some installed package brings under `name`; raises `CallsheetError`."""
    kind = entry_points.load_class(ENGINES, name)
    try:
        made: Engine = kind()
    except Exception as error:
        origin = entry_points.find(ENGINES, name).origin
        said = f"Benchmark engine {name!r} from {origin} could not be made: {type(error).__name__}: {error}."
        raise CallsheetError(said) from error
    return made
