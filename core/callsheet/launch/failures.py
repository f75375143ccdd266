"""What a failed rank leaves behind for its launcher and the other ranks: the error file of torch's elastic agent."""

from __future__ import annotations

import json
import os
import re
import signal
import time
import traceback
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import IntEnum
from pathlib import Path

from callsheet.disk import typed
from callsheet.disk.os_errors import DiskFailed
from callsheet.disk.typed import Malformed
from callsheet.distributed import hosts
from callsheet.errors import CallsheetError, PluginFailure, first_line
from callsheet.process.signals import Interrupted
from callsheet.rundir import atomic
from callsheet.secrets import redact_text

ERROR_FILE = "TORCHELASTIC_ERROR_FILE"
LOST_PEER = re.compile(r"\bgloo\b|NCCL|Connection (closed|reset) by peer|Broken pipe", re.I)
KILLED = re.compile(r"(On \S+: )?Rank \d+ \(process \d+\) was killed by SIG")


class Weight(IntEnum):
    """How much a failure explains, the most first."""

    NAMED = 0  # a plugin, or a mistake in the configuration
    DIED = 1  # killed, or ended without a word
    RAISED = 2
    STOPPED = 3  # by a signal
    LOST_PEER = 4  # what follows where another rank went first


@dataclass(frozen=True)
class Failure:
    """Why one rank ended."""

    rank: int
    exit_code: int
    message: str
    trace: str
    time: float
    weight: int = Weight.RAISED
    host: str = ""  # where there are several

    @property
    def said(self) -> str:
        """The message, with the rank where it does not name that itself."""
        named = re.search(rf"\brank {self.rank}\b", self.message, re.I)
        return self.message if named or self.exit_code == 2 else f"rank {self.rank}: {self.message}"

    @property
    def is_signal(self) -> bool:
        return self.exit_code >= 128


def killed(rank: int, pid: int, signum: int) -> str:
    """What is said of a rank that a signal has ended which nobody of us sent."""
    why = ", as the system does when memory runs out" if signum == signal.SIGKILL else ""
    return f"Rank {rank} (process {pid}) was killed by {signal.Signals(signum).name}{why}."


def tells_of_kill(said: str) -> bool:
    """Whether a launcher that said so lost a rank to such a signal."""
    return KILLED.match(said) is not None


@dataclass(frozen=True)
class Note:
    """The file, in which torch's agent has fields of its own."""

    callsheet: Failure | None = None


def failure(error: BaseException, rank: int) -> Failure:
    """`error` in the words in which it is reported."""
    message, code, weight, cause = f"{type(error).__name__}: {error}", 1, Weight.RAISED, error
    if isinstance(error, CallsheetError):
        message, code, weight = str(error), 2, Weight.NAMED
    elif isinstance(error, DiskFailed):
        message, weight = str(error), Weight.NAMED
    elif isinstance(error, PluginFailure):
        message, weight, cause = str(error), Weight.NAMED, error.__cause__ or error
    elif isinstance(error, Interrupted):
        message, code, weight = f"stopped by {error}", error.exit_code, Weight.STOPPED
    elif isinstance(error, RuntimeError) and LOST_PEER.search(str(error)):
        message, weight = lost(error) or message, Weight.LOST_PEER
    trace = "".join(traceback.format_exception(type(cause), cause, cause.__traceback__))
    shown = "" if code != 1 or isinstance(error, DiskFailed) or lost(error) else redact_text(trace)
    return Failure(rank, code, redact_text(message), shown, time.time(), weight)


def leave_note(failed: Failure) -> None:
    """Write `failed` where an elastic agent looks for it; nothing where there is none."""
    if path := os.environ.get(ERROR_FILE):
        said = {"message": failed.message, "extraInfo": {"py_callstack": failed.trace, "timestamp": int(failed.time)}}
        with suppress(OSError):  # on a full disk, the launcher sees the exit code alone
            atomic.write(Path(path), json.dumps({"message": said, "callsheet": asdict(failed)}))


def lost(error: BaseException) -> str:
    """Which host an error of a lost connection is about; empty for other errors, and where the run has one host."""
    is_one = isinstance(error, RuntimeError) and LOST_PEER.search(str(error))
    return hosts.lost(first_line(error)) if is_one else ""


def lost_peer(error: BaseException) -> bool:
    """Whether `error` only says that another rank went first."""
    return failure(error, 0).weight == Weight.LOST_PEER


def cause_elsewhere(error: BaseException, rank: int) -> Failure | None:
    """The failure of another rank on this machine that `error` followed from, if its note lies there already."""
    own = os.environ.get(ERROR_FILE)
    if not own:
        return None
    peer = first(note for note in notes(Path(own).parent.parent) if note.rank != rank)
    return peer if peer and peer.weight < failure(error, rank).weight else None


def notes(folder: Path) -> list[Failure]:
    """The notes of all ranks below `folder`."""
    read = (_note(path) for path in sorted(folder.rglob("error.json")))
    return [failed for failed in read if failed]


def _note(path: Path) -> Failure | None:
    """What a rank wrote; None for one that it could not finish, and for that of an error which only torch has noted."""
    with suppress(OSError, Malformed):
        return typed.read(path, Note).callsheet
    return None


def first(failures: Iterable[Failure]) -> Failure | None:
    """The one that the others followed from."""
    return min(failures, key=lambda failed: (failed.weight, failed.time), default=None)


class WorkerFailure(Exception):
    """One of several processes failed, and the others were ended; `failure` is the one that the rest followed from."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure
