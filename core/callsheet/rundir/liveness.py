"""Whether a process works in a run directory: by its lock, and where a lock says nothing, by what else is known."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from callsheet.disk import regular
from callsheet.process.machine import answers
from callsheet.rundir.locks import is_held
from callsheet.rundir.rundir import LOCK, TRAINING

LONGEST = 4096  # bytes of what the lock file says
HOLDER = re.compile(r"process (\d{1,9}) on ([^,\s]+)(?:, (.+))?")
MOUNTS = Path("/proc/self/mounts")
# File systems that several machines share, each with the mount options under which a lock holds on all of them, or
# on one only: nfs(5), and mount.lustre(8). Of the others nobody can tell.
SHARED = re.compile(
    r"^(nfs4?|lustre|gpfs|beegfs|ceph|fuse\..+|fuse|cifs|smb3|9p|virtiofs|afs|glusterfs|wekafs|pvfs2|orangefs)$"
)
HERE_ONLY = {"nfs": {"nolock", "local_lock=flock", "local_lock=all"}, "lustre": {"localflock", "noflock"}}


@dataclass(frozen=True)
class Holder:
    """The process that took the lock last: it may be dead. `doing` is training, draining or scoring."""

    pid: int
    host: str
    doing: str = TRAINING

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


@dataclass(frozen=True)
class Liveness:
    """Whether somebody works in a run directory, or None if nobody can tell from here; `why` says how we know."""

    alive: bool | None
    why: str
    holder: Holder | None = None


def look(run_dir: Path) -> Liveness:
    """Ask the lock of `run_dir`; changes nothing."""
    held, holder = is_held(run_dir / LOCK), holder_of(run_dir)
    if held:
        return Liveness(True, f"{holder or 'A process'} holds its lock", holder)
    if holder and holder.host != os.uname().nodename:
        return _elsewhere(run_dir, held, holder)
    if held is False:
        return Liveness(False, "no process holds its lock", holder)
    return _without_locks(run_dir, holder)


def holder_of(run_dir: Path) -> Holder | None:
    """Who took the lock last, by what the lock file says."""
    try:
        found = HOLDER.match(regular.read(run_dir / LOCK, LONGEST).decode("utf-8", "replace"))
    except OSError:
        return None
    return Holder(int(found[1]), found[2], found[3] or TRAINING) if found else None


def _elsewhere(run_dir: Path, held: bool | None, holder: Holder) -> Liveness:
    """The holder was another machine's, and its lock is free here: that means little where locks end at the machine."""
    kind, options = _file_system(run_dir)
    if held is False and _reaches_all_machines(kind, options):
        return Liveness(False, f"no process holds its lock; the last was {holder}", holder)
    said = (
        "it has no locks" if held is None else f"on its file system ({kind or 'unknown'}), locks may end at a machine"
    )
    return Liveness(None, f"its last process was {holder}, this is {os.uname().nodename}, and {said}", holder)


def _without_locks(run_dir: Path, holder: Holder | None) -> Liveness:
    """A file system without locks: the number of a process of this machine is all that there is."""
    if holder is None or not (run_dir / LOCK).exists():
        return Liveness(None, "its lock cannot be asked", holder)
    command = _command_of(holder.pid)
    if command is None:
        return Liveness(False, f"{holder}, its last one, is gone (its lock cannot be asked)", holder)
    if "callsheet" in command or "python" in command:
        return Liveness(None, f"its lock cannot be asked; {holder} lives, and may be another one by now", holder)
    return Liveness(False, f"{holder} is another program by now (its lock cannot be asked)", holder)


def _command_of(pid: int) -> str | None:
    """The command line of a process, empty if it may not be read; None if there is no such process."""
    if not answers(pid):
        return None
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace") or "python"
    except OSError:
        return "python"


def _reaches_all_machines(kind: str, options: set[str]) -> bool:
    """Whether every machine that can see the file system sees its locks; true also for one that no other can see."""
    if kind == "" or not SHARED.match(kind):
        return kind != ""
    family = "nfs" if kind.startswith("nfs") else kind
    if family == "lustre" and "flock" not in options:
        return False
    return family in HERE_ONLY and not HERE_ONLY[family] & options


def _file_system(path: Path) -> tuple[str, set[str]]:
    """The kind of the file system that `path` lies on, and its mount options; empty where the system does not tell."""
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "", set()
    whole, best, found = path.resolve(), -1, ("", set[str]())
    for line in lines:
        _, mounted, kind, options, *_ = [*line.split(" "), "", "", "", ""]
        place = Path(mounted.encode().decode("unicode_escape"))  # a space is written \040
        if whole.is_relative_to(place) and len(place.parts) >= best:
            best, found = len(place.parts), (kind, {*options.split(",")})
    return found
