"""What a failed rank leaves behind for its launcher and the other ranks: the error file of torch's elastic agent."""

from __future__ import annotations

import json
import os
import time
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from callsheet.errors import CallsheetError, PluginFailure
from callsheet.rundir import replace
from callsheet.secrets import redact_text
from callsheet.signals import Interrupted

ERROR_FILE = "TORCHELASTIC_ERROR_FILE"


@dataclass(frozen=True)
class Failure:
    """Why one rank ended. `weight` tells a cause from what merely followed from it: the smallest is the cause."""

    rank: int
    exit_code: int
    message: str
    trace: str
    time: float
    weight: int = 1


def failure(error: BaseException, rank: int) -> Failure:
    """`error` in the words in which it is reported."""
    message, code, weight = f"{type(error).__name__}: {error}", 1, 1
    cause = error
    if isinstance(error, CallsheetError):
        message, code, weight = str(error), 2, 0
    elif isinstance(error, PluginFailure):
        message, weight, cause = str(error), 0, error.__cause__ or error
    elif isinstance(error, Interrupted):
        message, code, weight = f"stopped by {error}", error.exit_code, 2
    trace = "".join(traceback.format_exception(type(cause), cause, cause.__traceback__))
    shown = "" if code != 1 else redact_text(trace)
    return Failure(rank, code, redact_text(message), shown, time.time(), weight)


def leave_note(failed: Failure) -> None:
    """Write `failed` where an elastic agent looks for it; nothing where there is none."""
    if path := os.environ.get(ERROR_FILE):
        said = {"message": failed.message, "extraInfo": {"py_callstack": failed.trace, "timestamp": int(failed.time)}}
        replace(Path(path), json.dumps({"message": said, "callsheet": vars(failed)}))


def failed_peer() -> Failure | None:
    """The first failure of another rank on this machine, if its note lies there already."""
    own = os.environ.get(ERROR_FILE)
    if not own:
        return None
    return first(note for note in notes(Path(own).parent.parent) if note.rank != int(os.environ.get("RANK", 0)))


def notes(folder: Path) -> list[Failure]:
    """The notes of all ranks below `folder`."""
    found = []
    for path in sorted(folder.rglob("error.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        if "callsheet" in content:
            found.append(Failure(**content["callsheet"]))
    return found


def first(failures: Iterable[Failure]) -> Failure | None:
    """The one that the others followed from."""
    return min(failures, key=lambda failed: (failed.weight, failed.time), default=None)
