"""`subprocess.Popen` and `subprocess.run` for commands that may start warm."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from warm import asking

BEGAN_WITH = {**os.environ, "HF_HUB_OFFLINE": os.environ.get("HF_HUB_OFFLINE", "1"), "COLUMNS": "200"}


class Popen(subprocess.Popen[str]):
    """A process like any other, except that it may be forked from the server."""

    def __init__(self, *args: Any, workers: bool = False, **options: Any) -> None:
        self._workers = workers
        super().__init__(*args, **options)

    def _execute_child(self, *arguments: Any) -> None:
        call = asking.called(self, arguments)
        if is_possible() and (pid := _server().fork(call, self._workers)):
            asking.begun(self, call, pid)
        else:
            asking.COLD(self, *arguments)


def run(command: list[str], *, timeout: float | None = None, check: bool = False, **options: Any) -> Any:
    """`subprocess.run`, which ends what takes longer than `timeout` seconds."""
    if options.pop("capture_output", False):
        options.update(stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with Popen(command, **options) as process:
        try:
            out, error = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    done = subprocess.CompletedProcess(command, process.returncode, out, error)
    if check:
        done.check_returncode()
    return done


def is_possible() -> bool:
    """Only Linux lets a process adopt; elsewhere, and where it is asked for, everything starts cold."""
    return sys.platform == "linux" and not os.environ.get("CALLSHEET_TESTS_COLD")


def _server() -> asking.Server:
    return asking.server(tuple(sorted(BEGAN_WITH.items())))
