"""Post-training runs with the plugins you choose."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # at run time `__getattr__` imports a name when it is first asked for: `callsheet plugins` needs none
    from callsheet.errors import CallsheetError as CallsheetError
    from callsheet.hooks import API_VERSION as API_VERSION
    from callsheet.hooks import Plugin as Plugin
    from callsheet.hooks import hookimpl as hookimpl
    from callsheet.records import ArmResult as ArmResult
    from callsheet.records import EvalResult as EvalResult
    from callsheet.records import ExperimentResult as ExperimentResult
    from callsheet.records import LogContext as LogContext
    from callsheet.records import LoopArtifacts as LoopArtifacts
    from callsheet.records import LoopState as LoopState
    from callsheet.records import ManifestRow as ManifestRow
    from callsheet.records import PreflightReport as PreflightReport
    from callsheet.records import Revision as Revision
    from callsheet.records import Rollouts as Rollouts
    from callsheet.records import RunResult as RunResult
    from callsheet.run.script import attach as attach
    from callsheet.run.script import callbacks as callbacks
    from callsheet.settings import setting as setting

__all__ = [
    "API_VERSION",
    "ArmResult",
    "CallsheetError",
    "EvalResult",
    "ExperimentResult",
    "LogContext",
    "LoopArtifacts",
    "LoopState",
    "ManifestRow",
    "Plugin",
    "PreflightReport",
    "Revision",
    "Rollouts",
    "RunResult",
    "attach",
    "callbacks",
    "hookimpl",
    "setting",
]

_HOMES = {
    "API_VERSION": "hooks",
    "CallsheetError": "errors",
    "Plugin": "hooks",
    "attach": "run.script",
    "callbacks": "run.script",
    "hookimpl": "hooks",
    "setting": "settings",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        from callsheet.deprecations import renamed

        return renamed(__name__, name)
    return getattr(import_module(f"callsheet.{_HOMES.get(name, 'records')}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
