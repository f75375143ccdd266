"""Who holds claims: a file for each worker, with the process that it is, and whether that process still lives."""

from __future__ import annotations

import os
import re
import uuid
from dataclasses import dataclass
from pathlib import Path

from callsheet.disk import typed
from callsheet.disk.inside import Inside
from callsheet.disk.regular import shown
from callsheet.disk.typed import Malformed
from callsheet.experiments.places import WORKERS
from callsheet.process.machine import answers
from callsheet.rundir.rundir import now
from callsheet.values import dumps

BOOT = Path("/proc/sys/kernel/random/boot_id")
NAMESPACE = "/proc/self/ns/pid"
HOST_MAX = 40  # characters of a host's name in that of a worker


@dataclass(frozen=True)
class Process:
    """A process by its number and the moment at which it began: numbers are used again. `began` is in clock ticks."""

    pid: int
    began: int | None = None


@dataclass(frozen=True)
class Holder:
    """A worker, as `workers/<id>.json` says. `place` is where numbers of processes mean the same: boot and namespace.

    `keeper` is the process that starts and ends the processes of its arms. `arm` is what it works on, since
    `arm_since`; `done` counts what it settled. `ended` is set, with `said`, once it went in an orderly way. `devices`
    are its GPUs.
    """

    id: str
    host: str
    process: Process
    place: str | None
    began: str
    callsheet: str
    keeper: Process | None = None
    devices: tuple[str, ...] = ()
    arm: str | None = None
    arm_since: str | None = None
    done: int = 0
    ended: str | None = None
    said: str | None = None


def this_process(callsheet: str, devices: tuple[str, ...] = ()) -> Holder:
    """The worker that this process becomes, under a name that no other has."""
    host = os.uname().nodename
    id = f"{re.sub(r'[^A-Za-z0-9-]+', '-', host)[:HOST_MAX]}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
    return Holder(id, host, process(os.getpid()), place(), now(), callsheet, devices=devices)


def path_of(root: Path, id: str) -> Path:
    return root / WORKERS / f"{id}.json"


def write(root: Path, holder: Holder) -> None:
    """Without waiting for the disk: of a machine that failed, only its silence matters."""
    inside = Inside(root, "the experiment's directory")
    inside.write(path_of(root, holder.id), dumps(_flat(holder), indent=1) + "\n", durable=False)


def read(root: Path, id: str) -> Holder | None:
    """What a worker says of itself; None where its file is gone or damaged."""
    path = path_of(root, id)
    try:
        Inside(root).refuse_link(path.parent)
        return typed.read(path, Holder, where=f"{WORKERS}/{shown(Path(path.name))}")
    except (OSError, Malformed):
        return None


def all_of(root: Path) -> list[Holder]:
    """Every worker that ever worked here and whose file can be read, for a table of who does what."""
    names = Inside(root, "the experiment's directory").names(WORKERS)
    ids = [name.removesuffix(".json") for name in names if name.endswith(".json") and not name.startswith(".")]
    return [holder for id in sorted(ids) if (holder := read(root, id))]


def is_gone(holder: Holder) -> bool | None:
    """Whether a worker and its keeper are dead; None where nobody can tell from here, as on another host.

    The keeper ends after the processes of the arm: when both are gone, nobody writes to the run's directory.
    """
    if not _is_here(holder):
        return None
    return not any(lives(one) for one in (holder.process, holder.keeper) if one)


def is_dead(holder: Holder) -> bool:
    """Whether a worker is known to be dead; its keeper may still be ending the process of its arm."""
    return _is_here(holder) and not lives(holder.process)


def lives(one: Process) -> bool:
    """Whether a process of this machine is still there; a zombie is not."""
    state, began = _stat(one.pid)
    if state is None:
        return answers(one.pid)
    return state not in ("", "Z", "X") and (one.began is None or began == one.began)


def process(pid: int) -> Process:
    return Process(pid, _stat(pid)[1])


def place() -> str | None:
    """This boot of this machine and this namespace of processes; None where the system does not tell."""
    try:
        return f"{BOOT.read_text().strip()} {os.readlink(NAMESPACE)}"
    except OSError:
        return None


def _is_here(holder: Holder) -> bool:
    return holder.place is not None and holder.place == place()


def _stat(pid: int) -> tuple[str | None, int | None]:
    """The state of a process and when it began; an empty state where there is none, None where nobody can tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ("" if Path("/proc/self/stat").exists() else None), None
    except OSError:
        return None, None
    return fields[0], int(fields[19])


def _flat(holder: Holder) -> dict[str, object]:
    processes = {name: one and vars(one) for name, one in (("process", holder.process), ("keeper", holder.keeper))}
    return {**vars(holder), **processes}
