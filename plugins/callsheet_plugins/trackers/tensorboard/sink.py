"""The event files of one run: a new one for each process that follows it, never one that another has begun."""

# tensorboard ships no types
# mypy: disable-error-code="import-untyped"
from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.summary.writer.record_writer import RecordWriter

from callsheet.disk.inside import Inside
from callsheet.tracking import Point, Rows, Sink, TrackedRun
from callsheet_plugins.trackers.tensorboard import events

PREFIX = "events.out.tfevents."


class EventFiles(Sink):
    """Writes with TensorBoard's own record writer, and without its thread, so that a full disk is heard of at once."""

    def __init__(self, run: TrackedRun, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.run, self.folder = run, folder
        self._had: set[tuple[int, str]] | None = None
        self._earlier = sorted(name for name in os.listdir(folder) if PREFIX in name)
        self._file = _new_file(folder)
        self._writer = RecordWriter(self._file)
        began = time.time()
        self._write(Event(wall_time=began, file_version="brain.Event:2"))
        if run.is_new:
            self._write(events.layout(began))
            self._write(events.settings(run.config, run.arm or run.group or "", began))
        self.flush()

    def point(self, point: Point) -> None:
        self._write(events.scalars(point))

    def rows(self, rows: Rows) -> None:
        self._write(events.table(rows))

    def revision(self, revision: Mapping[str, Any]) -> None:
        said = "\n".join(f"- {name}: {value}" for name, value in revision.items() if value not in (None, ""))
        self._write(events.note("revisions", int(revision["step"]), time.time(), said))

    def flush(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def lacks(self, item: Point | Rows) -> bool:
        if self._had is None:
            self._had = {tag for name in self._earlier for tag in _tags(self.folder / name)}
        names = [item.name] if isinstance(item, Rows) else [*item.values, *item.texts]
        return any((item.step, name) not in self._had for name in names)

    def end(self, status: str, summary: Mapping[str, Any]) -> None:
        self._write(events.ended(status, time.time()))
        self.close()

    def close(self) -> None:
        self.flush()
        self._file.close()

    def ids(self) -> Mapping[str, str]:
        inside = self.folder.is_relative_to(self.run.run_dir)
        return {"logdir": str(self.folder.relative_to(self.run.run_dir) if inside else self.folder)}

    def _write(self, event: Event) -> None:
        self._writer.write(event.SerializeToString())


def _new_file(folder: Path) -> BinaryIO:
    """A file whose name sorts behind those before: a page that is open reads on from file to file."""
    seconds, rest = divmod(time.time_ns(), 10**9)
    name = f"{PREFIX}{seconds:010d}.{rest:09d}.{socket.gethostname()}.{os.getpid()}"
    descriptor = Inside(folder, "its folder").open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    return os.fdopen(descriptor, "wb")


def _tags(path: Path) -> Iterator[tuple[int, str]]:
    """Step and name of all that a file holds, up to what a kill has torn."""
    for record in RawEventFileLoader(str(path)).Load():
        event = Event.FromString(record)
        for value in event.summary.value:
            yield event.step, value.tag
