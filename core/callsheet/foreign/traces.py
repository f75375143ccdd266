"""What code leaves behind in the process that imports it: taken back where others would feel it, and said."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from callsheet.foreign import patches
from callsheet.randomness.states import remember

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGPIPE", "SIGCHLD")  # by which Callsheet and `subprocess` work
BACK = "It was put back."
KEPT = "It stays."
EVERYTHING = (None, Warning, None, 0)  # of a filter: any text, any kind, any module, any line
UNCHANGED = ("_", "PWD", "OLDPWD")


@contextmanager
def kept(who: str, found: list[str]) -> Iterator[None]:
    """Put back what is listed here after the block, and say in `found` what was changed."""
    looks = [
        look() for look in (_folder, _handlers, _tracing, _recursion, _mask, _filters, _root_logger, patches.modules)
    ]
    watches = [watch() for watch in (_environment, _search_path, patches.watch)]
    put_back_numbers = remember()
    try:
        yield
    finally:
        put_back_numbers()
        for back in looks:
            found += [f"{who} changed {what} while it was imported. {BACK}" for what in back()]
        for told in watches:
            found += [f"{who} changed {what} while it was imported. {KEPT}" for what in told()]


Look = Callable[[], Iterator[str]]


def _folder() -> Look:
    before = _cwd()

    def back() -> Iterator[str]:
        if before and (now := _cwd()) != before:
            with suppress(OSError):
                os.chdir(before)
            yield f"the working directory to {now}"

    return back


def _cwd() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return ""


def _handlers() -> Look:
    numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}

    def back() -> Iterator[str]:
        changed = [number for number, handler in before.items() if signal.getsignal(number) != handler]
        with suppress(ValueError, TypeError):  # only the main thread may; None was not set from Python
            for number in changed:
                signal.signal(number, before[number])
        if changed:
            yield f"who handles {', '.join(number.name for number in changed)}"

    return back


def _tracing() -> Look:
    before = sys.gettrace(), sys.getprofile()

    def back() -> Iterator[str]:
        if (sys.gettrace(), sys.getprofile()) != before:
            sys.settrace(before[0])
            sys.setprofile(before[1])
            yield "what traces every line (sys.settrace or setprofile)"

    return back


def _recursion() -> Look:
    before = sys.getrecursionlimit()

    def back() -> Iterator[str]:
        if (now := sys.getrecursionlimit()) != before:
            sys.setrecursionlimit(before)
            yield f"the limit of recursion to {now}"

    return back


def _mask() -> Look:
    before = _umask()

    def back() -> Iterator[str]:
        if (now := _umask()) != before:
            os.umask(before)
            yield f"the umask to {now:03o}"

    return back


def _umask() -> int:
    now = os.umask(0o077)
    os.umask(now)
    return now


def _filters() -> Look:
    """Filters that hide every warning, or make an error of it. Libraries set narrower ones as they are imported."""
    before = [*warnings.filters]

    def back() -> Iterator[str]:
        mine = [each for each in warnings.filters if each[1:] == EVERYTHING and each not in before]
        for each in mine:
            warnings.filters.remove(each)  # type: ignore[attr-defined]  # a list, whatever typeshed says
            yield f"what becomes of all warnings ({each[0]})"

    return back


def _root_logger() -> Look:
    """What `logging.basicConfig` sets: every line would be shown twice."""
    import logging

    root = logging.getLogger()
    before = [*root.handlers], root.level, logging.root.manager.disable

    def back() -> Iterator[str]:
        if ([*root.handlers], root.level, logging.root.manager.disable) != before:
            root.handlers[:] = before[0]
            root.setLevel(before[1])
            logging.disable(before[2])
            yield "what becomes of everybody's log lines (logging.basicConfig or the root logger)"

    return back


def _environment() -> Look:
    before = dict(os.environ)

    def told() -> Iterator[str]:
        names = sorted(name for name in {*before, *os.environ} if before.get(name) != os.environ.get(name))
        if names := [name for name in names if name not in UNCHANGED]:
            yield f"the environment ({', '.join(names)})"

    return told


def _search_path() -> Look:
    before = [*sys.path]

    def told() -> Iterator[str]:
        if sys.path[: len(before)] != before:
            yield "where modules are found first (sys.path)"

    return told
