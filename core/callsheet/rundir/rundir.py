"""The run directory: what is written where, append-only or by atomic rename, and how it is read back."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import IO, Any

from callsheet.disk import os_errors, typed, yaml_files
from callsheet.disk.descent import Outside
from callsheet.disk.inside import Inside
from callsheet.disk.planted import refuse_planted
from callsheet.disk.regular import Irregular, kind, open_regular, shown
from callsheet.disk.typed import LARGE, Malformed
from callsheet.errors import CallsheetError, counted, sentences
from callsheet.rundir import atomic, versions
from callsheet.rundir.fields import ROWS, WRONG, ConfigRecord, RunRecord
from callsheet.rundir.locks import Flock, flock_past_readers, is_held
from callsheet.secrets import redact, redact_text
from callsheet.values import dumps, plain

logger = logging.getLogger("callsheet")

RUN = "run.json"
CONFIG = "config.yaml"
EVENTS = "events.jsonl"
METRICS = "metrics.jsonl"
CHECKPOINTS = "checkpoints.jsonl"
EVALS = "evals.jsonl"
LOCK = ".lock"
LONGEST_HOLDER = 4096  # characters
MOST_NAMED = 10_000  # malformed lines that are counted
TRAINING = "training"  # what most hold a run's lock for
WAITING = "waiting for its outbox"  # what a run does when all its rows are written


class RunDir:
    """One run's directory. On ranks other than 0 it can be read but writes nothing."""

    def __init__(self, path: Path, *, is_main: bool = True) -> None:
        self.path = path.absolute()
        self.is_main = is_main
        self._lock: IO[str] | None = None
        self._updating = Lock()
        self._written: dict[str, Any] | None = None  # what run.json said last
        self._doing = TRAINING

    @property
    def inside(self) -> Inside:
        """Its files, reached without following a link: whoever shares the directory may have planted one."""
        return Inside(self.path)

    def open(self, doing: str = TRAINING) -> None:
        """Make the directory and take its lock, which the system releases when this process dies, however it dies.

        `doing` says to others what for. Raises `CallsheetError` when another process holds it, or the directory cannot
        be made.
        """
        if not self.is_main:
            return
        self._doing = doing
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            refuse_planted(self.path)
            lock = os.fdopen(self.inside.open(LOCK, os.O_RDWR | os.O_APPEND | os.O_CREAT), "a+", encoding="utf-8")
        except Outside:
            raise
        except OSError as error:
            raise os_errors.Refused(os_errors.said(error, self.path)) from error
        try:
            self._take(lock)
            self._mend_logs()
        except BaseException:
            self._lock = None
            lock.close()
            raise

    def now_doing(self, doing: str) -> None:
        """Say in the lock what it is held for from now on; a full disk may keep it from being said."""
        self._doing = doing
        if self._lock:
            self._say(self._lock)

    def occupied(self) -> str:
        """That another process writes here, in a sentence, or an empty string; leaves no file behind."""
        try:
            with os.fdopen(open_regular(self.path / LOCK), encoding="utf-8", errors="replace") as lock:
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
        self.inside.append(name, lines([row]), durable=durable)

    def event(self, kind: str, **what: Any) -> None:
        """Add a line to `events.jsonl`; a full disk loses the line, not the run."""
        try:
            self.append(EVENTS, {"time": now(), "event": kind, **redact(plain(what))})
        except OSError:
            return

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        self.write_text(name, dumps(content, indent=2) + "\n")
        if name == RUN:
            self._written = {**content}

    def write_text(self, name: str, text: str) -> None:
        """Replace `name` in one step: a reader sees the old file or the new one."""
        if self.is_main:
            atomic.write(self.path / name, text, self.path)

    def update_run(self, **fields: Any) -> None:
        """Change fields of `run.json`; threads of this process take turns."""
        if not self.is_main:
            return
        with self._updating:
            self.write_json(RUN, {**self._run_so_far(), **fields})

    def run(self) -> dict[str, Any]:
        """What `run.json` says, or nothing where there is none.

        Raises `CallsheetError` where it cannot be read, or is of a format that only a later Callsheet knows.
        """
        path = self.path / RUN
        try:
            content = typed.read(path, dict, limit=LARGE)
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise CallsheetError(_unreadable(path, error)) from error
        versions.refuse_later(content, self.path)
        try:
            return {**typed.convert(content, RunRecord, shown(path))}
        except Malformed as error:
            raise CallsheetError(sentences(str(error), versions.remedy(content))) from error

    def _run_so_far(self) -> dict[str, Any]:
        """What `run.json` says; of a run that writes to it, what it said last, should somebody have damaged it."""
        try:
            return self.run()
        except CallsheetError as error:
            if self._written is None:
                raise
            logger.warning("%s This run writes it anew.", error)
            return self._written

    def config(self) -> dict[str, Any]:
        """The configuration, without secrets, by `config.yaml`, or by the copy in `run.json` where that is gone.

        Raises `CallsheetError` where neither can be read.
        """
        path = self.path / CONFIG
        run = self.run()
        try:
            content = typed.convert(_not_empty(yaml_files.load(path), path, run), dict, shown(path))
            named = {name: value for name, value in content.items() if isinstance(name, str)}
            typed.convert(named, ConfigRecord, shown(path))
            return content
        except FileNotFoundError as error:
            if isinstance(copy := run.get("config"), dict):
                return copy
            raise CallsheetError(_unreadable(path, error)) from error
        except Malformed as error:
            raise CallsheetError(sentences(str(error), versions.remedy(run))) from error
        except OSError as error:
            raise CallsheetError(_unreadable(path, error)) from error

    def rows(self, name: str, holding: str = "") -> Iterator[dict[str, Any]]:
        """The lines of a log, oldest first, read one by one; none where there is no such file.

        A line that a kill may have torn is passed over. Others that are none are left out, too, with one warning that
        names the first. With `holding`, only lines with that text: of a long log, few are worth the time that JSON
        takes. Raises `CallsheetError` for what is no regular file.
        """
        path, wrong = self.path / name, list[Malformed]()
        try:
            for row in typed.rows(path, _row_type(name), holding=holding, wrong=WRONG.get(name, _nothing)):
                if not isinstance(row, Malformed):
                    yield row
                elif not row.is_torn and len(wrong) < MOST_NAMED:
                    wrong.append(row)
        except FileNotFoundError:
            return
        except Irregular as error:
            raise CallsheetError(f"{error}. Remove it, or put it elsewhere.") from error
        if wrong:
            _say_left_out(str(wrong[0]), len(wrong))

    def first_wrong(self, name: str) -> Malformed | None:
        """The first line of a log that `rows` leaves out, and that no kill has torn."""
        try:
            found = typed.rows(self.path / name, _row_type(name), wrong=WRONG.get(name, _nothing))
            return next((row for row in found if isinstance(row, Malformed) and not row.is_torn), None)
        except OSError:
            return None

    def _mend_logs(self) -> None:
        for name in self.inside.names():
            if name.endswith(".jsonl"):
                _mend(self.inside, name)

    def _held_by(self, lock: IO[str]) -> str:
        lock.seek(0)
        return (
            f"Another run is writing to {self.path} ({lock.read(LONGEST_HOLDER).strip() or 'holder unknown'}). "
            f"{'Choose another output_dir, or wait' if self._doing == TRAINING else 'Wait'} until it has ended."
        )

    def _take(self, lock: IO[str]) -> None:
        # where there are no locks, nothing tells, and a run must be able to start
        if flock_past_readers(lock) is Flock.HELD:
            raise CallsheetError(self._held_by(lock))
        self._lock = lock
        self._say(lock)

    def _say(self, lock: IO[str]) -> None:
        with suppress(OSError):  # on a full disk it does not say whose it is
            lock.truncate(0)
            os.write(lock.fileno(), f"process {os.getpid()} on {os.uname().nodename}, {self._doing}".encode())


def require_run(folder: Path) -> None:
    """Raise `CallsheetError` where no run was ever started, or where its record is no file."""
    path = folder / RUN
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        raise CallsheetError(f"{folder} holds no Callsheet run.") from None
    if not path.is_file():
        what = kind(path.lstat().st_mode)
        raise CallsheetError(f"{shown(path)} is {what}, and no record of a run. Remove it, or name another folder.")


def lines(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as lines of strict JSON without secrets: a number that is not finite becomes null."""
    return redact_text("".join(f"{dumps(row)}\n" for row in rows))


def now() -> str:
    """The time as it stands in every file of a run: UTC, ISO 8601, milliseconds."""
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds")


def _row_type(name: str) -> type[Any]:
    return ROWS.get(name) or ROWS.get(name.partition("/")[0], dict)


def _mend(inside: Inside, name: str) -> None:
    """End a line that a kill tore, so that the next one starts on its own."""
    with os.fdopen(inside.open(name, os.O_RDWR), "rb+") as file:
        if file.seek(0, os.SEEK_END) and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n":
            file.write(b"\n")


def _not_empty(content: Any, path: Path, run: Mapping[str, Any]) -> Any:
    """`content` of the `config.yaml` at `path`. Raises `CallsheetError` where it has none."""
    if content is None:
        remedy = f"Remove it: {RUN} has a copy." if isinstance(run.get("config"), dict) else versions.REPAIR
        raise CallsheetError(f"{shown(path)}: it is empty. {remedy}")
    return content


def _nothing(row: Mapping[str, Any]) -> str:
    return ""


def _unreadable(path: Path, error: Exception) -> str:
    if isinstance(error, (Irregular, Malformed)):
        return sentences(str(error), versions.REPAIR)
    return os_errors.said(error, path) if isinstance(error, OSError) else f"{shown(path)} cannot be read: {error}."


@lru_cache(maxsize=1000)  # a log is read many times in a process
def _say_left_out(first: str, count: int) -> None:
    at_least = "at least " if count == MOST_NAMED else ""
    more = f", as well as {at_least}{counted(count - 1, 'more line', form=',')}" if count > 1 else ""
    logger.warning("%s. It is left out%s.", first, more)
