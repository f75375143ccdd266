"""Warnings once: the first of each kind is shown, and the others are counted."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from callsheet_plugins.progress.words import LONGEST

MOST = 1_000  # different ones that are told apart


class Repeats:
    """How often each warning came, of `warnings` and of loggers; open between `start` and `stop`.

    What is left out of the screen still reaches handlers that write anywhere else, such as to a file.
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self._seen: dict[Any, int] = {}
        self._filter = _Once(self)
        self._owner = os.getpid()
        self._before: Callable[..., Any] | None = None
        self._handlers: list[logging.Handler] = []

    @property
    def kinds(self) -> int:
        return len(self.counts)

    @property
    def repeated(self) -> int:
        return sum(self.counts.values()) - len(self.counts)

    def worst(self) -> tuple[str, int]:
        """The text that came most often, and how often."""
        known = dict(self.counts)
        text = max(known, key=lambda each: known[each])
        return text, known[text]

    def is_new(self, key: Any, text: str) -> bool:
        """Count a warning; whether it is the first of its kind."""
        if os.getpid() != self._owner:  # a worker of a data loader
            return True
        if key not in self._seen and len(self._seen) >= MOST:
            key = text = "others"
        self._seen[key] = self._seen.get(key, 0) + 1
        first = " ".join(text[:LONGEST].split())
        self.counts[first] = self.counts.get(first, 0) + 1
        return self._seen[key] == 1

    def start(self, streams: tuple[object, ...]) -> None:
        """Watch what goes to one of these streams from now on."""
        self._handlers = [handler for handler in handlers() if getattr(handler, "stream", None) in streams]
        for handler in self._handlers:
            handler.addFilter(self._filter)
        before = self._before = warnings.showwarning

        def show(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if self.is_new((str(message), category, filename, lineno), f"{category.__name__}: {message}"):
                before(message, category, filename, lineno, file, line)

        self._shown = warnings.showwarning = show

    def stop(self) -> None:
        for handler in self._handlers:
            handler.removeFilter(self._filter)
        self._handlers = []
        if self._before is not None and warnings.showwarning is self._shown:
            warnings.showwarning = self._before
        self._before = None


class _Once(logging.Filter):
    def __init__(self, repeats: Repeats) -> None:
        super().__init__()
        self._repeats = repeats

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        said = record.getMessage()
        return self._repeats.is_new((record.name, said), said)


def handlers() -> Iterator[logging.Handler]:
    """Every handler of every logger, and the one that Python falls back to."""
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    found = [each for logger in loggers for each in getattr(logger, "handlers", ())]
    yield from dict.fromkeys([*found, *([logging.lastResort] if logging.lastResort else [])])
