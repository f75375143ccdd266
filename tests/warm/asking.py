"""Who asks the server: one lives as long as the tests of a process do, and one in each command that starts ranks."""

from __future__ import annotations

import ctypes
import inspect
import os
import resource
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from warm import channel
from warm.environment import differences

PR_SET_CHILD_SUBREAPER = 36
START = "import sys; sys.path[0] = {tests!r}; from warm.server import main; main({descriptor})"
OWN = {"OPENBLAS_NUM_THREADS": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "PYTEST_CURRENT_TEST": "any"}
LIMITS = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")]
PLAIN = {"pass_fds": (), "shell": False, "gid": None, "uid": None, "gids": None, "umask": -1}
SAFE_PATH = "-P"
MODULES = ("callsheet", "submitit.local._local", "submitit.core._submit")  # they start workers, or are some
KEEPER = "keeper.py"  # of a worker's arms
COLD = subprocess.Popen._execute_child  # type: ignore[attr-defined]


class Server:
    """A server that has said hello."""

    def __init__(self, channel: socket.socket, hello: Mapping[str, Any]) -> None:
        self._channel, self._lock = channel, Lock()
        self._environment, self._read = hello["environment"], set(hello["read"])

    def fork(self, call: Mapping[str, Any], workers: bool) -> int | None:
        """The process that a call of `Popen` wants, as our own child; None where it must start cold."""
        environment = dict(os.environ if call["env"] is None else call["env"])
        arguments, before = python_arguments(call["args"]), call["preexec_fn"]
        if not arguments or any(call.get(name, value) != value for name, value in PLAIN.items()):
            return None
        if differences(self._environment, environment, self._read):
            return None
        request = {
            "arguments": arguments,
            "safe_path": SAFE_PATH in call["args"][: -len(arguments)],
            "before": [before.__code__.co_filename, before.__name__] if before else None,
            "environment": environment,
            "cwd": os.path.abspath(call["cwd"] or os.getcwd()),
            "start_new_session": call["start_new_session"],
            "process_group": call.get("process_group", -1),
            "limits": {number: resource.getrlimit(number) for number in LIMITS},
            "workers": workers,
        }
        streams = (call["p2cread"], call["c2pwrite"], call["errwrite"])
        with self._lock, _adopting():
            channel.send(self._channel, request, [own if own != -1 else n for n, own in enumerate(streams)])
            return int(channel.receive(self._channel)[0]["pid"])


@contextmanager
def _adopting() -> Iterator[None]:
    """No longer than needed: what other processes leave behind is for init to look after."""
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        prctl(PR_SET_CHILD_SUBREAPER, 0)


@cache
def server(environment: tuple[tuple[str, str], ...]) -> Server:
    """Start one for these tests, with the environment in which they began."""
    ours, theirs = socket.socketpair()
    code = START.format(tests=str(Path(__file__).parents[1]), descriptor=theirs.fileno())
    with tempfile.TemporaryFile("w+") as said, theirs:
        subprocess.Popen(
            [sys.executable, "-c", code],
            pass_fds=[theirs.fileno()],
            env={**dict(environment), **OWN},
            **dict.fromkeys(("stdin", "stdout"), subprocess.DEVNULL),
            stderr=said,
        )
        theirs.close()
        try:
            return Server(ours, channel.receive(ours)[0])
        except EOFError:
            said.seek(0)
            raise RuntimeError(f"The server of warm processes did not start:\n{said.read()}") from None


def python_arguments(command: Any) -> list[str]:
    """What follows `python` and one of -u and -P in a command; nothing for another program, or one with more options."""
    parts = [] if isinstance(command, (str, bytes, os.PathLike)) else [os.fspath(part) for part in command]
    if parts[:1] != [sys.executable]:
        return []
    rest = parts[2:] if parts[1:2] in (["-u"], [SAFE_PATH]) else parts[1:]
    return rest if rest and (rest[0] in ("-m", "-c") or not rest[0].startswith("-")) else []


def called(process: subprocess.Popen[Any], arguments: tuple[Any, ...]) -> dict[str, Any]:
    """The arguments of `_execute_child` by their names."""
    return dict(inspect.signature(COLD).bind(process, *arguments).arguments)


def begun(process: subprocess.Popen[Any], call: Mapping[str, Any], pid: int) -> None:
    """What `_execute_child` leaves behind once a process has begun."""
    process.pid, process._child_created = pid, True  # type: ignore[attr-defined]
    process._close_pipe_fds(  # type: ignore[attr-defined]
        *(call[name] for name in ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite"))
    )


def fork_workers(server: Server) -> None:
    """From now on have this process fork the Pythons that it starts to run Callsheet, and those fork theirs.

    Those are the ranks of a run, and the workers of an experiment, which have a keeper start their arms.
    """

    def execute(process: subprocess.Popen[Any], *arguments: Any) -> None:
        call = called(process, arguments)
        is_rank = "RANK" in (os.environ if call["env"] is None else call["env"])
        is_ours = _is_worker(python_arguments(call["args"]))
        if is_ours and (pid := server.fork(call, workers=not is_rank)):
            begun(process, call, pid)
        else:
            COLD(process, *arguments)

    subprocess.Popen._execute_child = execute  # type: ignore[attr-defined]


def _is_worker(arguments: list[str]) -> bool:
    if arguments[:1] == ["-m"]:
        return arguments[1] in MODULES
    return bool(arguments) and Path(arguments[0]).name == KEEPER
