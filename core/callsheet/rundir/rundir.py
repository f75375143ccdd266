"""The run directory: what is written where, append-only or by atomic rename, and how it is read back."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import IO, Any

from callsheet.errors import CallsheetError
from callsheet.rundir import atomic
from callsheet.rundir.locks import Flock, flock_past_readers, is_held
from callsheet.secrets import redact
from callsheet.values import dumps, plain

RUN = "run.json"
CONFIG = "config.yaml"
EVENTS = "events.jsonl"
METRICS = "metrics.jsonl"
CHECKPOINTS = "checkpoints.jsonl"
EVALS = "evals.jsonl"
LOCK = ".lock"


class RunDir:
    """One run's directory. On ranks other than 0 it can be read but writes nothing."""

    def __init__(self, path: Path, *, is_main: bool = True) -> None:
        self.path = path.absolute()
        self.is_main = is_main
        self._lock: IO[str] | None = None
        self._updating = Lock()

    def open(self, doing: str = "training") -> None:
        """Make the directory and take its lock, which the system releases when this process dies, however it dies.

        `doing` says to others what for. Raises `CallsheetError` when another process holds it, or the directory cannot
        be made.
        """
        if not self.is_main:
            return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = (self.path / LOCK).open("a+", encoding="utf-8")
        except OSError as error:
            raise CallsheetError(f"The run directory {self.path} cannot be written: {error.strerror}.") from error
        self._take(lock, doing)
        for log in self.path.glob("*.jsonl"):
            _mend(log)

    def occupied(self) -> str:
        """That another process writes here, in a sentence, or an empty string; leaves no file behind."""
        try:
            with (self.path / LOCK).open(encoding="utf-8") as lock:
                return self._held_by(lock) if is_held(self.path / LOCK) else ""
        except OSError:  # there is no run, or nobody may read it, which others say
            return ""

    def close(self) -> None:
        if self._lock:
            self._lock.close()
            self._lock = None

    def append(self, name: str, row: Mapping[str, Any], *, durable: bool = False) -> None:
        """Add one line to `name`; `durable` waits until it is on the disk."""
        if not self.is_main:
            return
        with (self.path / name).open("a", encoding="utf-8") as file:
            file.write(lines([row]))
            if durable:
                file.flush()
                os.fsync(file.fileno())

    def event(self, kind: str, **what: Any) -> None:
        """Add a line to `events.jsonl`; a full disk loses the line, not the run."""
        try:
            self.append(EVENTS, {"time": now(), "event": kind, **redact(plain(what))})
        except OSError:
            return

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        self.write_text(name, dumps(content, indent=2) + "\n")

    def write_text(self, name: str, text: str) -> None:
        """Replace `name` in one step: a reader sees the old file or the new one."""
        if self.is_main:
            atomic.write(self.path / name, text)

    def update_run(self, **fields: Any) -> None:
        """Change fields of `run.json`; threads of this process take turns."""
        if not self.is_main:
            return
        with self._updating:
            self.write_json(RUN, {**self.run(), **fields})

    def run(self) -> dict[str, Any]:
        """What `run.json` says, or nothing where there is none; raises `CallsheetError` when it cannot be read."""
        path = self.path / RUN
        try:
            return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}
        except (OSError, ValueError, TypeError) as error:
            raise CallsheetError(f"{path} cannot be read: {error}.") from error

    def config(self) -> dict[str, Any]:
        """The configuration, without secrets, by `config.yaml`, or by the copy in `run.json` where that is gone.

        Raises `CallsheetError` where neither can be read.
        """
        import yaml

        path = self.path / CONFIG
        try:
            return dict(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
        except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
            copy = self.run().get("config")
            if isinstance(error, FileNotFoundError) and isinstance(copy, dict):
                return copy
            raise CallsheetError(f"{path} cannot be read: {error}.") from error

    def rows(self, name: str, holding: str = "") -> Iterator[dict[str, Any]]:
        """The lines of a log, oldest first; a line torn by a kill is passed over.

        With `holding`, only lines with that text: of a long log, few are worth the time that JSON takes.
        """
        path = self.path / name
        if not path.exists():
            return
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                if holding not in line:
                    continue
                try:
                    row = json.loads(line)
                except ValueError:
                    continue
                if isinstance(row, dict):
                    yield row

    def _held_by(self, lock: IO[str]) -> str:
        lock.seek(0)
        return (
            f"Another run is writing to {self.path} ({lock.read().strip() or 'holder unknown'}). "
            "Choose another output_dir, or wait until it has ended."
        )

    def _take(self, lock: IO[str], doing: str) -> None:
        # where there are no locks, nothing tells, and a run must be able to start
        if flock_past_readers(lock) is Flock.HELD:
            raise CallsheetError(self._held_by(lock))
        self._lock = lock
        lock.truncate(0)
        with suppress(OSError):  # on a full disk it does not say whose it is
            os.write(lock.fileno(), f"process {os.getpid()} on {os.uname().nodename}, {doing}".encode())


def require_run(folder: Path) -> None:
    """Raise `CallsheetError` where no run was ever started."""
    if not (folder / RUN).is_file():
        raise CallsheetError(f"{folder} holds no Callsheet run.")


def lines(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as lines of strict JSON: a number that is not finite becomes null."""
    return "".join(f"{dumps(row)}\n" for row in rows)


def now() -> str:
    """The time as it stands in every file of a run: UTC, ISO 8601, milliseconds."""
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds")


def _mend(log: Path) -> None:
    """End a line that a kill tore, so that the next one starts on its own."""
    with log.open("rb+") as file:
        if file.seek(0, os.SEEK_END) and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n":
            file.write(b"\n")
