"""The engines: programs that score a model, each in a process, and where wanted in an environment, of its own."""

from __future__ import annotations

from importlib import import_module

from callsheet_plugins.benchmarks.engines.contract import Engine, Malformed, Scores, Work

CLASSES = {
    "lm_eval": "lm_eval:LmEval",
    "lighteval": "lighteval:Lighteval",
    "command": "command:Command",
    "exact_match": "exact_match:ExactMatchEngine",
}

__all__ = ["Engine", "Malformed", "Scores", "Work", "engine"]


def engine(name: str) -> Engine:
    """The engine called `name`."""
    module, _, made = CLASSES[name].partition(":")
    found: Engine = getattr(import_module(f"{__name__}.{module}"), made)()
    return found
