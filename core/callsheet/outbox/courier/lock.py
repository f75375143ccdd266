"""One courier per run directory, also where the last one was killed on another machine."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from threading import RLock
from typing import Any, TypedDict

from callsheet.disk import typed
from callsheet.disk.inside import Inside
from callsheet.disk.typed import Malformed
from callsheet.process.machine import answers
from callsheet.rundir import atomic
from callsheet.rundir.locks import Flock, flock

LOCK = "courier.lock"
FLOCK = ".courier.flock"
ANOTHER_WORKS = 4  # exit code of a courier that found another one at work
BEAT_SECONDS = 5.0
LOCK_BYTES = 1 << 16
MOST_PID = 1 << 22  # of Linux, proc(5)
MISSED = 4  # beats, after which a holder counts as dead


class Holder(TypedDict, total=False):
    """What the file says of the courier that works: its machine, its process, and a name that no other one has."""

    host: str
    pid: int
    name: str


class CourierLock:
    """A file that says who works, and whose time of change is the heartbeat.

    The system's own lock decides between processes of one machine, and on file systems that carry it between machines.
    Where it says nothing, a holder is dead that has missed several beats by the file server's clock.
    """

    def __init__(self, folder: Path, *, beat_seconds: float = BEAT_SECONDS, missed: int = MISSED) -> None:
        self.path = folder / LOCK
        self.beat_seconds = beat_seconds
        self.patience = beat_seconds * missed
        self._inside = Inside(folder.parent)  # the run directory: no link below it is followed
        self._flock_path = folder / FLOCK
        self._flock: int | None = None
        self._system_locks = True
        self._name = uuid.uuid4().hex
        self._is_ours = False
        self._one_at_a_time = RLock()  # a thread beats while another may release; a signal's handler may, too

    def take(self, sleep: Callable[[float], Any] = time.sleep) -> bool:
        """Hold the lock, after watching for as long as a dead holder on another host may need; False when one lives."""
        if not self._take_flock():
            return False
        # Whoever the file names was killed, or lives where its lock cannot be seen: on another machine, when the file
        # system keeps locks to one. A living one touches the file again, a dead one becomes silent for too long.
        first, since = self._changed(), time.monotonic()
        while (holder := self.holder()) and not self._is_dead(holder):
            # One of this machine need not be watched: `_is_dead` has looked for its process.
            if self._changed() != first or holder.get("host") == os.uname().nodename:
                self.release()
                return False
            if time.monotonic() - since > self.patience:
                break  # the file server's clock may have been set back since its last beat
            sleep(min(self.beat_seconds / 2, 1.0))
        self._is_ours = True
        about = {"host": os.uname().nodename, "pid": os.getpid(), "name": self._name}
        atomic.write(self.path, json.dumps(about), self._inside.root)
        if holder:
            # Another courier may have seen the same death. Each replaces the whole file, so the later name stays; after
            # this wait both have written, and `beat` tells the earlier one that it is not its own.
            sleep(min(self.beat_seconds / 10, 0.5))
        return self.beat()

    def beat(self) -> bool:
        """Say that we live; False when somebody took over, having thought us dead.

        A process may take seconds to end after it has released the lock, and nobody takes over from it then.
        """
        with self._one_at_a_time:
            if not self._is_ours:
                return True
            holder = self.holder()
            if not holder or holder.get("name") != self._name:
                return False
            with contextlib.suppress(OSError):
                self._inside.touch(self.path)  # needs no space on a full disk
            return True

    def holder(self) -> Holder | None:
        """Who holds the lock, dead or alive."""
        try:
            holder = typed.read(self.path, Holder, limit=LOCK_BYTES)
        except FileNotFoundError:
            return None
        except (OSError, Malformed):
            return {"host": "unknown"}
        return holder if 0 < holder.get("pid", 1) <= MOST_PID else {"host": "unknown"}

    def release(self) -> None:
        with self._one_at_a_time:
            self._is_ours = False
            holder = self.holder()
            if holder and holder.get("name") == self._name:
                self._inside.remove(self.path)
            self._drop_flock()

    def dismiss(self, sleep: Callable[[float], Any] = time.sleep) -> None:
        """Have a courier of this machine leave, and wait a moment for that; only for who holds the run's lock.

        It was left behind by a run that is gone, and has the environment of then: a token that may have expired.
        """
        for _ in range(20):
            if self._take_flock():
                break
            holder = self.holder() or {}
            pid = holder.get("pid", 0)
            if holder.get("host") == os.uname().nodename and _is_courier(pid):
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGTERM)
            sleep(0.05)
        self._drop_flock()

    def _take_flock(self) -> bool:
        self._flock = self._inside.open(self._flock_path, os.O_WRONLY | os.O_CREAT)
        found = flock(self._flock)
        if found is Flock.HELD:
            self._drop_flock()
            return False
        if found is Flock.UNKNOWN:
            self._system_locks = False
        return True

    def _drop_flock(self) -> None:
        if self._flock is not None:
            os.close(self._flock)
            self._flock = None

    def _is_dead(self, holder: Holder) -> bool:
        # Of a holder on this machine, the system has released the lock, or we would not have it. Without such locks
        # its number decides, which may be another process's by now: then its silence does.
        if holder.get("host") == os.uname().nodename and (self._system_locks or not answers(holder.get("pid", 0))):
            return True
        return self._silent_for() > self.patience

    def _silent_for(self) -> float:
        """Seconds since the last beat, both times taken from the file system: clocks of hosts differ."""
        probe = self.path.with_name(f".{self._name}.probe")
        try:
            os.close(self._inside.open(probe, os.O_WRONLY | os.O_CREAT))
            now, beat = self._inside.stat(probe), self._inside.stat(self.path)
            return now.st_mtime - beat.st_mtime if now and beat else float("inf")
        finally:
            self._inside.remove(probe)

    def _changed(self) -> int:
        try:
            found = self._inside.stat(self.path)
        except OSError:
            return 0
        return found.st_mtime_ns if found else 0


def _is_courier(pid: int) -> bool:
    """Whether a number that stands in the lock's file is not somebody else's by now."""
    try:
        return b"callsheet.outbox.courier" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
