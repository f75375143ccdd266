"""Python processes of Callsheet's own, forked from this one where it would start an interpreter: a courier is one."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from typing import Any

Main = Callable[[list[str]], int]
COLD = subprocess.Popen._execute_child  # type: ignore[attr-defined]
PROGRAMS: dict[str, Main] = {}


def fork(programs: dict[str, Main]) -> None:
    """From now on, fork `python -m NAME` for each of these programs; everything else starts as ever."""
    PROGRAMS.update(programs)
    subprocess.Popen._execute_child = _execute_child  # type: ignore[attr-defined]


def _execute_child(self: Any, args: Any, *rest: Any) -> None:
    if isinstance(args, (str, bytes)) or list(args[:2]) != [sys.executable, "-m"] or args[2] not in PROGRAMS:
        COLD(self, args, *rest)
        return
    *_, read_in, write_in, _, write_out, _, write_error = rest[:15]
    if pid := os.fork():
        self.pid, self._child_created = pid, True
        if write_in != -1:
            os.close(read_in)
        return
    _become(PROGRAMS[args[2]], [*args[3:]], [read_in, write_out, write_error], write_in)


def _become(main: Main, arguments: list[str], ends: list[int], other: int) -> None:
    code = 1
    try:
        os.setsid()
        if other != -1:
            os.close(other)
        for number, end in enumerate(ends):
            if end != -1:
                os.dup2(end, number)
        os.closerange(3, 1024)
        sys.stdout, sys.stderr = (os.fdopen(os.dup(number), "w", errors="backslashreplace") for number in (1, 2))
        code = main(arguments)
        sys.stdout.flush()
        sys.stderr.flush()
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)
