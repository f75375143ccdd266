"""Streams while a display lives: each whole line that is written to them is printed above it."""

from __future__ import annotations

import io
import logging
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import Any

from callsheet_plugins.progress.repeats import handlers

# What a terminal obeys: CSI sequences, strings such as a title, and everything else that ESC begins.
OBEYED = re.compile(r"\x1b(?:\[[0-9;:<=>?]*[ -/]*[@-~]?|[\]PX^_].*?(?:\x07|\x1b\\|$)|.?)")
COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
LONGEST = 100_000  # characters that wait for the end of their line


class Above(io.TextIOBase):
    """Takes the place of `stream`, and gives `say` each line. Once closed to it, or in a fork, it is `stream` again."""

    def __init__(self, stream: Any, say: Callable[[str], None]) -> None:
        self._stream, self._say = stream, say
        self._begun = ""
        self._lock = Lock()
        self._owner: int | None = os.getpid()

    def write(self, text: str) -> int:
        if self._owner != os.getpid():
            return int(self._stream.write(text))
        with self._lock:
            *lines, self._begun = (self._begun + text).split("\n")
            if len(self._begun) > LONGEST:
                lines, self._begun = [*lines, self._begun], ""
        for line in lines:
            self._say(one_line(line))
        return len(text)

    def release(self) -> None:
        """Be `stream` from now on; the beginning of a line that has no end yet is written to it."""
        self._owner = None
        begun, self._begun = self._begun, ""
        if rest := one_line(begun):
            self._stream.write(f"{rest}\n")

    def flush(self) -> None:
        if self._owner != os.getpid():
            self._stream.flush()

    def close(self) -> None:
        """Nothing: others write to it, too."""

    def isatty(self) -> bool:
        return bool(self._stream.isatty())

    def fileno(self) -> int:
        return int(self._stream.fileno())

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return str(self._stream.encoding)

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        return self._stream.errors  # type: ignore[no-any-return]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Streams:
    """stdout and stderr, taken while a display lives, as far as they are the terminal that it is on."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._taken: dict[str, tuple[Any, Above]] = {}
        self._moved: list[tuple[logging.StreamHandler[Any], Any]] = []

    def take(self) -> tuple[object, ...]:
        """Take them; returns what stood there and what stands there now."""
        home = sys.stdout
        for name in ("stdout", "stderr"):
            if _is_same_terminal(stream := getattr(sys, name), home):
                stream.flush()
                self._taken[name] = stream, Above(stream, self._say)
                setattr(sys, name, self._taken[name][1])
        held = {id(stream): above for stream, above in self._taken.values()}
        for handler in handlers():  # one that transformers made holds the stream that stood there when it was imported
            if isinstance(handler, logging.StreamHandler) and (above := held.get(id(before := handler.stream))):
                handler.setStream(above)
                self._moved.append((handler, before))
        return tuple(each for pair in self._taken.values() for each in pair)

    def release(self) -> None:
        """Put back what stood there, unless somebody has taken it since: their stream goes on through ours."""
        for handler, before in self._moved:
            handler.setStream(before)
        for name, (stream, above) in self._taken.items():
            if getattr(sys, name) is above:
                setattr(sys, name, stream)
            with suppress(OSError, ValueError):
                above.release()
        self._taken, self._moved = {}, []


def _is_same_terminal(stream: Any, other: Any) -> bool:
    try:
        return os.path.sameopenfile(stream.fileno(), other.fileno()) and bool(stream.isatty())
    except (AttributeError, OSError, ValueError):
        return False


def one_line(text: str) -> str:
    """What a terminal would show of a line in the end: a bar that was drawn over and over is there once.

    >>> one_line("10%\\r50%\\r100%\\r"), one_line("\\x1b[A\\x1b[31mred")
    ('100%', '\\x1b[31mred\\x1b[0m')
    """
    shown = next((part for part in reversed(text.split("\r")) if part), "")
    shown = OBEYED.sub(lambda found: found[0] if COLOUR.fullmatch(found[0]) else "", shown)
    shown = "".join(sign for sign in shown if " " <= sign < "\x7f" or sign > "\x9f" or sign in "\t\x1b")
    return f"{shown}\x1b[0m" if "\x1b" in shown else shown
