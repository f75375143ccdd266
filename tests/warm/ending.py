"""How a fork ends: as Python does, up to where it would tear down what it shares with the server.

The destructors of torch's threads are not made for that: now and then a run, its work done, ended with "terminate called
without an active exception".
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import NoReturn


def end(program: Callable[[], object]) -> NoReturn:
    """Run `program` to its end, with its exit handlers, and leave with its exit code."""
    code = _code_of(program)
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads that are no daemons
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def _code_of(program: Callable[[], object]) -> int:
    try:
        program()
    except SystemExit as left:
        if left.code is None or isinstance(left.code, int):
            return (left.code or 0) & 0xFF
        print(left.code, file=sys.stderr)
        return 1
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        return -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    return 0
