"""Runs other people's code, and names them when it ends, hangs or changes the process."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from traceback import extract_tb
from types import FrameType
from typing import Any

from callsheet.distributed.world import world
from callsheet.errors import CallsheetError
from callsheet.foreign import crashes, doors, output, slowness, threads, traces
from callsheet.foreign.doors import Refused


@contextmanager
def foreign(who: str) -> Iterator[list[str]]:
    """Run the block, which imports what `who` brings: "Plugin 'bema' from callsheet 0.1.0".

    Gives a list that holds, after the block, a sentence for each change of the process that others might feel.
    Raises `CallsheetError` where the code would have ended or doubled the process, or raised what nobody catches. An
    `Exception` passes, and so does what a signal raised. Random numbers go on as if the code had drawn none.
    """
    found: list[str] = []
    with ExitStack() as parts:
        parts.enter_context(traces.kept(who, found))
        received = parts.enter_context(_signals())
        parts.enter_context(output.aside())
        parts.enter_context(threads.unbound(who, found))
        parts.enter_context(slowness.told(who))
        parts.enter_context(crashes.shown())
        tried = parts.enter_context(doors.closed(who))
        try:
            yield found
        except Exception:
            _refuse(who, tried)
            raise
        except BaseException as error:
            _refuse(who, tried)
            if received:
                raise
            raise CallsheetError(f"{who} {failed(error)}") from error
        _refuse(who, tried)
    if not world().is_main:
        found.clear()  # the first rank says it


def failed(error: BaseException) -> str:
    """What an import came to, as the end of a sentence, with the line that raised `error`."""
    what = error.msg if isinstance(error, SyntaxError) else error
    said = f"{type(error).__name__}: {what}".removesuffix(": ")
    return f"failed while it was imported: {said}. ({line_of(error)})"


def line_of(error: BaseException) -> str:
    """The file and line that raised `error`, or that Python could not read as Python; empty if nobody knows."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return f"{error.filename}, line {error.lineno}"
    frames = extract_tb(error.__traceback__)
    last = next((each for each in reversed(frames) if not each.filename.startswith("<frozen")), (frames or [None])[-1])
    return f"{last.filename}, line {last.lineno}" if last else ""


def named(who: str, load: Callable[[], Any]) -> Any:
    """Call `load` from a line that bears the name of `who`, which is then among those that a crash shows."""
    return eval(compile("load()", f"the import of: {who}", "eval"), {"load": load})


def _refuse(who: str, tried: list[Refused]) -> None:
    """Also where the code caught it: it believes now that it has left."""
    if tried:
        raise CallsheetError(f"{who} {tried[0]} An import must not end or double the process.") from tried[0]


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Note the signals that come during the block, whose handlers raise what code could raise itself."""
    received: list[int] = []
    handlers: dict[int, tuple[Any, Any]] = {}

    def noting(handler: Any) -> Any:
        def note(signum: int, frame: FrameType | None) -> Any:
            received.append(signum)
            return handler(signum, frame)

        return note

    if threading.current_thread() is threading.main_thread():
        for signum in (signal.SIGINT, signal.SIGTERM):
            if callable(handler := signal.getsignal(signum)):
                handlers[signum] = handler, noting(handler)
                signal.signal(signum, handlers[signum][1])
    try:
        yield received
    finally:
        with suppress(ValueError):
            for number, (handler, ours) in handlers.items():
                if signal.getsignal(number) is ours:  # else it was replaced, which `traces` says
                    signal.signal(number, handler)
