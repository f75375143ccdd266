"""Post-training runs with the plugins you choose."""

from callsheet.errors import CallsheetError
from callsheet.hooks import API_VERSION, Plugin, hookimpl
from callsheet.records import (
    ArmResult,
    EvalResult,
    ExperimentResult,
    LogContext,
    LoopState,
    ManifestRow,
    Report,
    Revision,
    RunResult,
)
from callsheet.script import callbacks
from callsheet.settings import setting

__all__ = [
    "API_VERSION",
    "ArmResult",
    "CallsheetError",
    "EvalResult",
    "ExperimentResult",
    "LogContext",
    "LoopState",
    "ManifestRow",
    "Plugin",
    "Report",
    "Revision",
    "RunResult",
    "callbacks",
    "hookimpl",
    "setting",
]
