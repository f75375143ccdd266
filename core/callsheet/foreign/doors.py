"""The ways by which code ends or doubles a process without a word."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

NAMES = ("_exit", "execv", "execve", "fork", "forkpty")  # what `os` and its `posix` have in common
MODULES = ("os", "posix")
HERE = os.path.dirname(os.path.dirname(__file__))


class Refused(BaseException):
    """Somebody tried a door. Not an `Exception`, so that few catch it."""


@contextmanager
def closed(who: str) -> Iterator[list[Refused]]:
    """Raise `Refused` where the block calls one of them, and list what was tried."""
    tried: list[Refused] = []
    before = {(module, name): getattr(sys.modules[module], name) for module, name in _doors()}
    process = os.getpid()
    for (module, name), door in before.items():
        setattr(sys.modules[module], name, _door(name, door, tried, process, who))
    try:
        yield tried
    finally:
        for (module, name), door in before.items():
            setattr(sys.modules[module], name, door)


def called_in() -> str:
    """Where the code stands that called, directly or through Python's frozen modules; empty for Python itself."""
    import inspect  # which a command that ends well does without

    frame = inspect.currentframe()
    while frame and frame.f_code.co_filename.startswith((HERE, "<frozen")):
        frame = frame.f_back
    return f" ({frame.f_code.co_filename}, line {frame.f_lineno})" if frame else ""


def _doors() -> Iterator[tuple[str, str]]:
    for module in MODULES:
        for name in NAMES:
            if hasattr(sys.modules.get(module), name):
                yield module, name


def _door(name: str, door: Callable[..., Any], tried: list[Refused], process: int, who: str) -> Callable[..., Any]:
    def refuse(*arguments: Any, **options: Any) -> Any:
        if getattr(os, name) is not refuse and getattr(sys.modules.get("posix"), name, None) is not refuse:
            if os.getpid() == process:  # the import is over
                with suppress(OSError):
                    os.write(2, f"callsheet: {who} calls os.{name}, which it took when it was imported.\n".encode())
            return getattr(os, name)(*arguments, **options)
        if os.getpid() != process:
            return door(*arguments, **options)  # a process that somebody else forked
        tried.append(Refused(f"called os.{name} while it was imported{called_in()}."))
        raise tried[-1]

    return refuse
