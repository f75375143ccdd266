"""Which display an output gets, and what else would draw on a terminal meanwhile."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

CANNOT_MOVE = ("", "dumb", "unknown")  # values of TERM
NO = ("", "0", "false", "no")
FALLBACK = os.terminal_size((80, 24))


def is_live(stream: Any, wish: str) -> bool:
    """Whether `stream` gets a live display. `wish` is auto, live or lines; no wish makes a terminal of a file.

    Below Slurm and in CI, an output is kept and read later, even where it looks like a terminal.
    """
    if wish == "lines" or stream is None or not stream.isatty() or os.environ.get("TERM", "") in CANNOT_MOVE:
        return False
    if is_background(stream):
        return False
    return wish == "live" or not (os.environ.get("SLURM_JOB_ID") or os.environ.get("CI", "").lower() not in NO)


def is_background(stream: Any) -> bool:
    """Whether the shell of this terminal has somebody else in its foreground."""
    with suppress(OSError, ValueError):
        return os.tcgetpgrp(stream.fileno()) != os.getpgrp()
    return False  # it is not our controlling terminal


def size_of(stream: Any) -> os.terminal_size:
    """Columns and lines, asked anew: a terminal may be resized. Of one that does not know, the usual."""
    with suppress(OSError, ValueError):
        found = os.get_terminal_size(stream.fileno())
        return os.terminal_size((found.columns or FALLBACK.columns, found.lines or FALLBACK.lines))
    return FALLBACK


def without_bars() -> Callable[[], None]:
    """Let the libraries that are there draw no bars of their own; returns what allows those again that had them.

    transformers, for one, draws a bar for every file of a checkpoint.
    """
    undo: list[Callable[[], None]] = []
    for name, is_on, off, on in BARS:
        module = sys.modules.get(name)
        if module is not None and getattr(module, is_on)():
            getattr(module, off)()
            undo.append(getattr(module, on))

    def again() -> None:
        for each in undo:
            each()

    return again


BARS = (
    ("transformers.utils.logging", "is_progress_bar_enabled", "disable_progress_bar", "enable_progress_bar"),
    ("datasets.utils.tqdm", "is_progress_bar_enabled", "disable_progress_bars", "enable_progress_bars"),
)


def drawing_callbacks(trainer: Any) -> list[Any]:
    """Those of a Trainer's callbacks that show its progress, on a terminal or as lines."""
    from transformers import PrinterCallback, ProgressCallback

    known = (ProgressCallback, PrinterCallback)
    return [
        each
        for each in trainer.callback_handler.callbacks
        if isinstance(each, known) or type(each).__name__ == "RichProgressCallback"  # of TRL, whose import takes long
    ]
