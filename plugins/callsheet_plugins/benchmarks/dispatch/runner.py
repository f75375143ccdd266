"""Runs one attempt at a benchmark job and writes down how it went: `python runner.py FOLDER`, with the stdlib only.

It is the same on a laptop and inside a Slurm job, and needs no package installed: the engine's Python may know nothing
of Callsheet. `status.json` is replaced atomically, so whoever looks at it reads a whole state.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

BEAT_SECONDS = 10.0
GRACE_SECONDS = 10.0
ROOM_SECONDS = 60.0  # for a full disk to have room again for how it ended
# A log of more than this loses its middle; an edge more is left of both parts, for whoever looks for secrets in them.
LONGEST_LOG, HEAD_BYTES, TAIL_BYTES, EDGE_BYTES = 64 << 20, 4 << 20, 12 << 20, 16 << 10
CUT = b"\n[callsheet: the middle of this log was cut out]\n"
BELOW_RUN = 3  # folders of an attempt's path that lie inside the run directory
DIE_WITH_PARENT, ADOPT_ORPHANS = 1, 36  # PR_SET_PDEATHSIG and PR_SET_CHILD_SUBREAPER of Linux


def main(folder: Path) -> int:
    """Run what `command.json` says, unless this attempt was begun before; returns the exit code of the job."""
    at = opened(folder)
    try:
        os.close(_open(at, "taken", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return 0  # a scheduler that starts a job again must not run it twice
    return Run(at).work()


def opened(folder: Path) -> int:
    """A descriptor of `folder`, RUN/benchmarks/ID/attempt-1; below RUN, no symbolic link is followed."""
    way = folder.parts[-BELOW_RUN:]
    at = os.open(folder.parents[len(way) - 1], os.O_RDONLY | os.O_DIRECTORY)
    for part in way:
        below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
        os.close(at)
        at = below
    return at


class Run:
    """One attempt in progress."""

    def __init__(self, at: int) -> None:
        self.at = at
        with os.fdopen(_open(at, "command.json", os.O_RDONLY), encoding="utf-8") as file:
            self.command: dict[str, Any] = json.load(file)
        self.status: dict[str, Any] = {"state": "running", "host": socket.gethostname(), "pid": os.getpid()}
        self.status["born"] = born(os.getpid())
        self.status |= {"started": time.time(), "slurm_job_id": os.environ.get("SLURM_JOB_ID")}
        self._began = time.monotonic()
        self._process: subprocess.Popen[bytes] | None = None
        self._told_to_stop = False

    def work(self) -> int:
        signal.signal(signal.SIGTERM, self._stop)
        _prctl(ADOPT_ORPHANS, 1)
        with suppress(OSError):
            os.nice(int(self.command.get("nice") or 0))
        self._tell()
        with os.fdopen(_open(self.at, "log.txt", os.O_RDWR | os.O_APPEND | os.O_CREAT), "ab+") as log:
            try:
                self._process = self._start(log)
            except OSError as error:
                log.write(f"{error}\n".encode())
                return self._end("failed", exit_code=127, error=str(error))
            self.status["engine"] = {"pid": self._process.pid, "born": born(self._process.pid)}
            self._tell()
            return self._wait(self._process, log)

    def _start(self, log: Any) -> subprocess.Popen[bytes]:
        command = self.command
        environment = {**os.environ, **command.get("env", {})}
        return subprocess.Popen(
            command["argv"],
            cwd=command.get("cwd") or None,
            env={name: value for name, value in environment.items() if value is not None},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )

    def _wait(self, process: subprocess.Popen[bytes], log: Any) -> int:
        limit = self.command.get("seconds")
        end = time.monotonic() + limit if limit else float("inf")
        while True:
            if self._told_to_stop:
                self._kill(process)
                return self._end("terminated", exit_code=143)
            if time.monotonic() > end:
                self._kill(process)
                return self._end("timed_out", exit_code=124)
            try:
                code = process.wait(min(BEAT_SECONDS, max(end - time.monotonic(), 0.01), 1.0))
            except subprocess.TimeoutExpired:
                self._beat()
                _cut_middle(log.fileno())
            else:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)  # what it left running
                _cut_middle(log.fileno())
                if self._told_to_stop:  # and so were they all, at once: that is how a scheduler stops a job
                    return self._end("terminated", exit_code=143)
                return self._end("failed" if code else "succeeded", exit_code=code)

    def _beat(self) -> None:
        if not 0 <= time.time() - self.status.get("beat", 0) < BEAT_SECONDS:
            self._tell()

    def _tell(self) -> None:
        """Say that it goes on; a full disk is no reason to end what may have run for hours."""
        with suppress(OSError):
            self._write()

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, number)
                process.wait(GRACE_SECONDS)
            except (ProcessLookupError, PermissionError, subprocess.TimeoutExpired):
                continue

    def _stop(self, *received: object) -> None:
        self._told_to_stop = True

    def _end(self, state: str, **how: Any) -> int:
        _end_orphans()
        # The time of day may have been set meanwhile, and the difference says how long it took.
        ended = self.status["started"] + time.monotonic() - self._began
        self.status |= {"state": state, "ended": ended, **how}
        end = time.monotonic() + ROOM_SECONDS
        while True:
            try:
                self._write()
            except OSError:
                if self._told_to_stop or time.monotonic() > end:
                    raise
                time.sleep(1.0)
            else:
                return int(how["exit_code"])

    def _write(self) -> None:
        self.status["beat"] = time.time()
        draft = f"status.json.{os.getpid()}"
        with os.fdopen(_open(self.at, draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "w", encoding="utf-8") as file:
            json.dump(self.status, file, indent=2)
        os.replace(draft, "status.json", src_dir_fd=self.at, dst_dir_fd=self.at)


def _open(at: int, name: str, flags: int) -> int:
    """Opening never waits for a FIFO, and never goes through a link."""
    return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666, dir_fd=at)


def _cut_middle(log: int) -> None:
    """Keep the beginning and the end of a log that grows without end; whoever writes it appends, and goes on there."""
    with suppress(OSError):
        if (size := os.fstat(log).st_size) > LONGEST_LOG:
            tail = os.pread(log, TAIL_BYTES + EDGE_BYTES, size - TAIL_BYTES - EDGE_BYTES)
            os.ftruncate(log, HEAD_BYTES + EDGE_BYTES)
            os.write(log, CUT + tail)


def born(pid: int) -> str:
    """When a process began, by the system's own count: numbers of processes come back."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return "unknown"
    return text.rpartition(")")[2].split()[19]


def _die_with_parent() -> None:
    """Of a job whose runner was killed, nothing must go on while the next attempt begins."""
    _prctl(DIE_WITH_PARENT, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value)


def _end_orphans() -> None:
    """End what the engine left in sessions of their own, which are no part of its group: they became our children."""
    for _ in range(100):
        for pid in (left := list(_children())):
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, os.WNOHANG)
        if not left:
            return
        time.sleep(0.02)


def _children() -> Iterator[int]:
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if path.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[1] == str(os.getpid()):
                yield int(path.parent.name)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
