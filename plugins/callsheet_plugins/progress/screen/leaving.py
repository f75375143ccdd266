"""How the display leaves the terminal when nobody closes it: at Ctrl-Z, and when its process is killed."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

ERASE = "\r\x1b[J"
# Reads a word from the process of the display, or the end of it. Everything that the terminal sends to its processes
# is for that process, not for this one.
GUARD = """trap '' HUP INT QUIT TERM TSTP; read -r word || printf '\\033[J'"""


class Suspension:
    """Erases the display at Ctrl-Z, before the shell writes over it; `pause` is told when it begins and ends."""

    def __init__(self, pause: Callable[[bool], None]) -> None:
        self._pause = pause
        self._is_ours = False

    def watch(self) -> None:
        """From now on, unless somebody else handles it, or this is not the main thread."""
        with suppress(ValueError):
            if signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL:
                signal.signal(signal.SIGTSTP, self._suspend)
                self._is_ours = True

    def forget(self) -> None:
        with suppress(ValueError):
            if self._is_ours and signal.getsignal(signal.SIGTSTP) == self._suspend:
                signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        self._is_ours = False

    def _suspend(self, signum: int, frame: FrameType | None) -> None:
        self._pause(True)
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)  # returns when the shell lets us go on
        signal.signal(signal.SIGTSTP, self._suspend)
        self._pause(False)


class Guard:
    """A small process that erases the display when ours is killed, so that the shell does not write over it."""

    def __init__(self, terminal: Any) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        with suppress(OSError):  # no shell, or no process left
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", GUARD], stdin=subprocess.PIPE, stdout=terminal.fileno(), stderr=subprocess.DEVNULL
            )

    def dismiss(self) -> None:
        if self._process is not None:
            with suppress(OSError, subprocess.TimeoutExpired):
                self._process.communicate(b"done\n", timeout=1)
        self._process = None
