"""The files of one job: a folder for each attempt, and what became of those that are over."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from callsheet.disk import typed
from callsheet.disk.inside import Inside
from callsheet.errors import sentences
from callsheet.rundir import atomic
from callsheet_plugins.benchmarks.dispatch import runner
from callsheet_plugins.benchmarks.dispatch.contract import COMMAND, LOG, Attempt, run_of

FOLDER = "benchmarks"
HANDLE, OUTCOME, GIVEN_UP = "handle.json", "outcome.json", "given_up.json"
TAIL_BYTES = 4096
SMALL_BYTES = 1 << 20
LONGEST_HANDLE = 10_000  # characters
REASON = 1000  # characters


class Attempts:
    """All attempts at the job of one outbox entry: each step leaves a file, for a courier that goes on after a kill."""

    def __init__(self, run_dir: Path, id: str) -> None:
        self.folder = run_dir / FOLDER / id
        self._inside = Inside(run_dir)

    def current(self) -> Path | None:
        """The attempt that is not over, or None."""
        found = self._all()
        return found[-1] if found and not (found[-1] / OUTCOME).exists() else None

    def is_submitted(self) -> bool:
        """Whether an attempt is somewhere under way."""
        folder = self.current()
        return folder is not None and (folder / HANDLE).exists()

    def begin(self) -> Path:
        """The folder of the next attempt; one that was begun and not finished is emptied first."""
        folder = self.folder / f"attempt-{len(self._all()) + 1}"
        self._inside.make(folder / "out")
        return folder

    def failed(self) -> int:
        """How many attempts failed since somebody last gave the job another chance."""
        return len(self._over()) - self._forgiven()

    def last_failure(self) -> str:
        """What became of the attempt before the current one; empty when this is the first."""
        if not (over := self._over()):
            return ""
        outcome = read(over[-1] / OUTCOME)
        reason = str(outcome.get("failed", "it failed"))[:REASON] if isinstance(outcome, dict) else "it failed"
        return sentences(f"Attempt {number(over[-1])} is over: {reason}", f"Its log is {over[-1] / LOG}.")

    def fail(self, folder: Path, reason: str) -> None:
        """Note that an attempt is over, and why."""
        atomic.write(folder / OUTCOME, json.dumps({"failed": reason[:REASON]}) + "\n", run_of(folder).root)

    def give_up(self) -> None:
        """Let a later retry begin counting anew."""
        atomic.write(self.folder / GIVEN_UP, json.dumps(len(self._all())) + "\n", self._inside.root)

    def _all(self) -> list[Path]:
        """In order; an attempt is one once it has a command."""
        names = (name for name in self._inside.names(self.folder) if name.startswith("attempt-"))
        found = [self.folder / name for name in names if self._inside.is_file(self.folder / name / COMMAND)]
        return sorted(found, key=number)

    def _over(self) -> list[Path]:
        return [folder for folder in self._all() if (folder / OUTCOME).exists()]

    def _forgiven(self) -> int:
        content = read(self.folder / GIVEN_UP)
        return content if isinstance(content, int) else 0


def number(folder: Path) -> int:
    """
    >>> number(Path("attempt-2"))
    2
    """
    found = re.fullmatch(r"attempt-([0-9]{1,9})", folder.name)
    return int(found[1]) if found else 0


def runner_command(attempt: Attempt) -> list[str]:
    """What a dispatcher starts: the runner, which runs what `command.json` says, and once only."""
    return [sys.executable, "-I", "-S", str(runner.__file__), str(attempt.folder)]


def write_command(
    folder: Path, argv: list[str], env: dict[str, str | None], cwd: str, seconds: float | None, nice: int
) -> None:
    """The last thing an attempt gets: from now on it may be started."""
    content = {"argv": argv, "env": env, "cwd": cwd, "seconds": seconds, "nice": nice, "folder": str(folder)}
    atomic.write(folder / COMMAND, json.dumps(content, indent=1) + "\n", run_of(folder).root)


def handle_of(folder: Path) -> str | None:
    content = read(folder / HANDLE)
    return str(content["handle"]) if isinstance(content, dict) and "handle" in content else None


def note_handle(folder: Path, handle: str) -> None:
    """Raises ValueError for a handle that would not be read again."""
    if len(handle) > LONGEST_HANDLE:
        raise ValueError(f"the handle of its dispatcher has {len(handle):,} characters, and {LONGEST_HANDLE:,} at most")
    atomic.write(folder / HANDLE, json.dumps({"handle": handle}) + "\n", run_of(folder).root)


def command_of(folder: Path) -> dict[str, Any]:
    content = read(folder / COMMAND)
    return content if isinstance(content, dict) else {}


def last_lines(folder: Path, count: int = 8) -> str:
    """The end of an attempt's log."""
    try:
        with os.fdopen(run_of(folder).open(folder / LOG), "rb") as file:
            file.seek(max(os.fstat(file.fileno()).st_size - TAIL_BYTES, 0))
            text = file.read(TAIL_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join([line.rpartition("\r")[2] for line in text.splitlines() if line.strip()][-count:])


def read(path: Path) -> Any:
    """JSON, or None for what is missing or torn, or no file of a mebibyte at most."""
    try:
        return typed.read(path, Any, limit=SMALL_BYTES)  # type: ignore[arg-type]  # msgspec knows it
    except (OSError, ValueError):
        return None
