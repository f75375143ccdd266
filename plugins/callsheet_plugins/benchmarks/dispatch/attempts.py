"""The files of one job: a folder for each attempt, and what became of those that are over."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from callsheet.errors import sentences
from callsheet.rundir import atomic
from callsheet.secrets import redact_text
from callsheet_plugins.benchmarks.dispatch import runner
from callsheet_plugins.benchmarks.dispatch.contract import COMMAND, LOG, Attempt

FOLDER = "benchmarks"
HANDLE, OUTCOME, GIVEN_UP = "handle.json", "outcome.json", "given_up.json"
TAIL_BYTES = 4096
SCANNED_BYTES = 64 << 20


class Attempts:
    """All attempts at the job of one outbox entry: each step leaves a file, for a courier that goes on after a kill."""

    def __init__(self, run_dir: Path, id: str) -> None:
        self.folder = run_dir / FOLDER / id

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
        (folder / "out").mkdir(parents=True, exist_ok=True)
        return folder

    def failed(self) -> int:
        """How many attempts failed since somebody last gave the job another chance."""
        return len(self._over()) - self._forgiven()

    def last_failure(self) -> str:
        """What became of the attempt before the current one; empty when this is the first."""
        if not (over := self._over()):
            return ""
        reason = (read(over[-1] / OUTCOME) or {}).get("failed", "it failed")
        return sentences(f"Attempt {number(over[-1])} is over: {reason}", f"Its log is {over[-1] / LOG}.")

    def fail(self, folder: Path, reason: str) -> None:
        """Note that an attempt is over, and why."""
        atomic.write(folder / OUTCOME, json.dumps({"failed": reason}) + "\n")

    def give_up(self) -> None:
        """Let a later retry begin counting anew."""
        atomic.write(self.folder / GIVEN_UP, json.dumps(len(self._all())) + "\n")

    def _all(self) -> list[Path]:
        """In order; an attempt is one once it has a command."""
        found = [path for path in self.folder.glob("attempt-*") if (path / COMMAND).exists()]
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
    digits = folder.name.rpartition("-")[2]
    return int(digits) if digits.isdigit() else 0


def runner_command(attempt: Attempt) -> list[str]:
    """What a dispatcher starts: the runner, which runs what `command.json` says, and once only."""
    return [sys.executable, "-I", "-S", str(runner.__file__), str(attempt.folder)]


def write_command(
    folder: Path, argv: list[str], env: dict[str, str | None], cwd: str, seconds: float | None, nice: int
) -> None:
    """The last thing an attempt gets: from now on it may be started."""
    content = {"argv": argv, "env": env, "cwd": cwd, "seconds": seconds, "nice": nice, "folder": str(folder)}
    atomic.write(folder / COMMAND, json.dumps(content, indent=1) + "\n")


def handle_of(folder: Path) -> str | None:
    content = read(folder / HANDLE)
    return str(content["handle"]) if isinstance(content, dict) else None


def note_handle(folder: Path, handle: str) -> None:
    atomic.write(folder / HANDLE, json.dumps({"handle": handle}) + "\n")


def command_of(folder: Path) -> dict[str, Any]:
    content = read(folder / COMMAND)
    return content if isinstance(content, dict) else {}


def last_lines(folder: Path, count: int = 8) -> str:
    """The end of an attempt's log."""
    try:
        with (folder / LOG).open("rb") as file:
            file.seek(max((folder / LOG).stat().st_size - TAIL_BYTES, 0))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join([line.rpartition("\r")[2] for line in text.splitlines() if line.strip()][-count:])


def blank_secrets(folder: Path) -> None:
    """Blank secrets in the log of an attempt that is over: engines print what they like."""
    path = folder / LOG
    with suppress(OSError):
        if path.stat().st_size <= SCANNED_BYTES:
            text = path.read_text(encoding="utf-8", errors="surrogateescape")
            if (kept := redact_text(text)) != text:
                path.write_text(kept, encoding="utf-8", errors="surrogateescape")


def read(path: Path) -> Any:
    """JSON, or None for what is missing or torn."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
