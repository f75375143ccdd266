"""Jobs on this machine: a few at a time, in processes that outlive the courier."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callsheet.disk import typed
from callsheet.disk.typed import Malformed
from callsheet.outbox import Transient
from callsheet_plugins.benchmarks.dispatch import attempts, runner
from callsheet_plugins.benchmarks.dispatch.contract import STATUS, Attempt, Dispatcher, Seen
from callsheet_plugins.benchmarks.dispatch.environment import for_job
from callsheet_plugins.benchmarks.dispatch.local import processes
from callsheet_plugins.benchmarks.dispatch.status import status_of

SILENT_SECONDS = 60.0  # beats are ten seconds apart
BUSY_SECONDS = 0.5
TAKEN = "taken"  # what the runner leaves first


class Local(Dispatcher):
    """`slots` jobs at a time; `devices` are shared out over them, and without any a job sees no GPU."""

    section = "local"

    def __init__(self, run_dir: Path, settings: Mapping[str, Any]) -> None:
        self.run_dir = run_dir
        self.slots, self.devices = int(settings.get("slots", 1)), [*settings.get("devices", ())]
        self._children: dict[Path, subprocess.Popen[bytes]] = {}
        self._taken: dict[int, Path] = {}  # which slot holds which attempt
        self._remember()

    def submit(self, attempt: Attempt) -> str:
        if (attempt.folder / TAKEN).exists():  # by a courier that was killed before it noted the handle
            return self._handle(0, "", next((slot for slot, held in self._taken.items() if held == attempt.folder), -1))
        slot = self._free_slot()
        child = subprocess.Popen(
            attempts.runner_command(attempt),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**for_job(os.environ, attempt.variables), "CUDA_VISIBLE_DEVICES": self._devices_of(slot)},
        )
        self._children[attempt.folder], self._taken[slot] = child, attempt.folder
        return self._handle(child.pid, processes.born(child.pid), slot)

    def look(self, attempt: Attempt, handle: str) -> Seen:
        if child := self._children.get(attempt.folder):
            child.poll()  # or a dead one would stay a zombie
        seen = _seen(attempt.folder, _started(handle))
        if seen.state != "running":
            self._forget(attempt.folder)
        return seen

    def cancel(self, attempt: Attempt, handle: str) -> None:
        status, started = status_of(attempt.folder), _started(handle)
        if started.host == socket.gethostname():
            processes.kill_group(started.pid, started.born)
            for known in (status.runner, status.engine):
                processes.kill_group(known.pid, known.born)
        self._forget(attempt.folder)

    def _handle(self, pid: int, born: str, slot: int) -> str:
        return json.dumps({"host": socket.gethostname(), "pid": pid, "born": born, "slot": slot, "at": time.time()})

    def _free_slot(self) -> int:
        for slot, folder in list(self._taken.items()):
            if child := self._children.get(folder):
                child.poll()
            if not _runs(folder):
                self._taken.pop(slot)
        free = next((slot for slot in range(self.slots) if slot not in self._taken), None)
        if free is None:
            raise Transient("Every slot is taken.", retry_after=BUSY_SECONDS, counts=False)
        return free

    def _devices_of(self, slot: int) -> str:
        share = self.devices[slot :: self.slots] or self.devices[slot % len(self.devices) :][:1] if self.devices else []
        return ",".join(map(str, share))

    def _remember(self) -> None:
        """Which slots the jobs hold that an earlier courier started; read once, since there may be many jobs."""
        for path in (self.run_dir / attempts.FOLDER).glob(f"*/attempt-*/{TAKEN}"):
            if not (path.parent / attempts.OUTCOME).exists() and _runs(path.parent):
                known = _started(attempts.handle_of(path.parent)).slot
                slot = known if known >= 0 and known not in self._taken else max([-1, *self._taken]) + 1
                self._taken[slot] = path.parent

    def _forget(self, folder: Path) -> None:
        self._children.pop(folder, None)
        self._taken = {slot: taken for slot, taken in self._taken.items() if taken != folder}


@dataclass(frozen=True)
class Started:
    """What a handle says; all of it is nothing where the file was damaged."""

    host: str = ""
    pid: int = 0
    born: str = ""
    slot: int = -1
    at: float = 0.0


def _started(handle: str | None) -> Started:
    try:
        return typed.parse(handle or "{}", Started, "a handle")
    except Malformed:
        return Started()


def _runs(folder: Path) -> bool:
    handle = attempts.handle_of(folder)
    return _seen(folder, _started(handle)).state == "running" if handle or status_of(folder).state else True


def _seen(folder: Path, started: Started) -> Seen:
    """What the runner wrote, and whether it still lives where that says nothing."""
    status = status_of(folder)
    if not status.state:
        return _not_begun(folder, started)
    if status.ended:
        return Seen("ended")
    if status.host == socket.gethostname():
        lives = processes.born(status.runner.pid) == status.runner.born
    else:
        lives = time.time() - status.beat < SILENT_SECONDS
    if lives:
        return Seen("running")
    if status_of(folder).state != "running":  # it ended while we looked
        return Seen("ended")
    return Seen("lost", f"its process {status.runner.pid} on {status.host} vanished.")


def _not_begun(folder: Path, started: Started) -> Seen:
    """Between the start of the runner and its first word; a second one may have been started, and one of them runs."""
    here = started.host == socket.gethostname()
    if here and started.pid and processes.born(started.pid) == started.born != "":
        return Seen("running")
    if status_of(folder).state or abs(time.time() - started.at) < runner.BEAT_SECONDS:
        return Seen("running")
    if os.path.lexists(folder / STATUS):
        return Seen("lost", f"its {STATUS} says nothing that can be read.")
    return Seen("lost", "its process vanished before it began.")
