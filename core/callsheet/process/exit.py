"""How a process of Callsheet's own ends: everything is written, no destructor runs, and the code is the right one."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import NoReturn

from callsheet.distributed.world import DRIVER
from callsheet.foreign.output import own_the_streams
from callsheet.privates.python import run_exit_functions, wait_for_threads
from callsheet.process.open_files import flush_open_files
from callsheet.process.streams import say_at_once, steady_streams

PR_SET_PDEATHSIG = 1
PATIENCE = 600.0  # seconds that other people's threads, exit functions and files get
UNTOLD = 10.0  # seconds of that in which nothing is said
end_at_once = os._exit  # for Callsheet itself: `leave_after` puts another in its place
_leaving: int | None = None  # the exit code, once everything is done
ALONE = {"__main__", "runpy", "callsheet.__main__", __name__}  # whose frames there are when nobody called us


def die_with_driver() -> None:
    """Make the kernel kill this worker when its driver ends, for any reason."""
    driver = os.environ.get(DRIVER)
    if driver is None or sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(driver):  # the driver died before the call of prctl
        end_at_once(1)


def leave_after(program: Callable[[], object], patience: float = PATIENCE) -> None:
    """Run `program`, and end the process with its exit code as `leave` does.

    Below a debugger, a profiler or anybody else who called us, only raise `SystemExit`: they have work left to do.
    No standard stream ends it meanwhile, whatever becomes of it.
    """
    steady_streams()
    own_the_streams()
    with _said_exits():
        if _is_alone():
            leave(code_of(program), patience)
        sys.exit(code_of(program, catching=SystemExit))


@contextmanager
def _said_exits() -> Iterator[None]:
    """Let nobody end this process by `os._exit` without a word, or as if all were well."""
    process = os.getpid()

    def said(status: int) -> NoReturn:
        if os.getpid() == process:
            from callsheet.foreign.doors import called_in  # which a command that ends well does without

            say_at_once(f"callsheet: os._exit({status}) was called{called_in()}, and ended this process.\n")
            flush_open_files()
            status = (status or 1) if _leaving is None else _leaving
        end_at_once(status)

    os._exit = said
    try:
        yield
    finally:
        os._exit = end_at_once


def leave(code: int, patience: float = PATIENCE) -> NoReturn:
    """End this process with `code`: as Python does, but without stopping daemon threads and destroying libraries.

    Python ends a daemon thread when it next asks for the interpreter. If that is inside C++, as in torch's store or in
    gloo, the process dies of it ("terminate called without an active exception", exit code -6) with all work done.
    Everything before that moment happens here too: threads that are no daemons end, exit functions run, and files
    that were left open are flushed. What takes longer than `patience` seconds is left.
    """
    global _leaving
    _leaving = code
    rest: list[Callable[[], None]] = [
        partial(_watch, code, patience),
        wait_for_threads,
        run_exit_functions,
        flush_open_files,
    ]
    while rest:
        try:
            rest.pop(0)()
        except KeyboardInterrupt:  # whoever waits for us wants to wait no longer, at whatever step it came
            rest = [step for step in rest if step is not wait_for_threads]
        except Exception as error:
            sys.excepthook(type(error), error, error.__traceback__)
    end_at_once(code)


def _watch(code: int, patience: float) -> None:
    with suppress(ValueError):  # only the main thread may set handlers
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # the work is done, and the code says how it went
    with suppress(RuntimeError):  # no thread can be started any more
        threading.Thread(target=_lose_patience, args=(code, patience), daemon=True).start()


def _lose_patience(code: int, patience: float) -> None:
    time.sleep(min(UNTOLD, patience))
    import logging  # which a command that ends at once does without

    logger = logging.getLogger("callsheet")
    if patience > UNTOLD:
        logger.warning("%s keeps this process, for %g seconds at most. Ctrl-C ends the wait.", _awaited(), patience)
        time.sleep(patience - UNTOLD)
    logger.warning("%s did not end in %g seconds, and was left.", _awaited(), patience)
    with suppress(Exception):
        sys.stdout.flush()
    end_at_once(code)


def _awaited() -> str:
    """Who keeps the process from its end, as far as that can be known."""
    threads = [one.name for one in threading.enumerate() if not one.daemon and one is not threading.main_thread()]
    return f"Thread {', '.join(map(repr, threads))}" if threads else "A function registered with atexit"


def _is_alone() -> bool:
    """Whether this process was started for us: below us are only the program's own lines and `python -m`."""
    names = [frame.f_globals.get("__name__") for frame, _ in traceback.walk_stack(None)]
    return not sys.flags.inspect and names.count("__main__") == 1 and ALONE.issuperset(names)


def code_of(program: Callable[[], object], catching: type[BaseException] = BaseException) -> int:
    """The exit code that Python would end with after `program`; what it prints of an error is printed."""
    try:
        answer = program()
    except catching as error:
        if isinstance(error, SystemExit):
            answer = error.code
        else:
            sys.excepthook(type(error), error, error.__traceback__)
            return 130 if isinstance(error, KeyboardInterrupt) else 1
    if answer is None or isinstance(answer, int):
        return (answer or 0) & 0xFF
    print(answer, file=sys.stderr)
    return 1
