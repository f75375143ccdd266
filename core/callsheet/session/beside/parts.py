"""What plugins write beside training: a thread on each rank, and the checkpoint that waits for what belongs to it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from callsheet.plugins.lineup import Lineup
from callsheet.process.writing import Task, Writer
from callsheet.records import ManifestRow
from callsheet.rundir import atomic
from callsheet.rundir.rundir import RunDir

Stop = Callable[[], bool]

POLL_SECONDS = 0.05


@dataclass(frozen=True, eq=False)
class Part:
    """A task, the plugin that gave it, or the host, and whether it belongs to a checkpoint."""

    future: Future[None]
    plugin: str | None = None
    belongs: bool = True


class Parts:
    """Does tasks of this rank one after the other, and tells rank 0 by a file when those of a checkpoint are done.

    A collective would make the loop wait, and a file need not: all ranks see the run directory.
    """

    def __init__(self, run_dir: RunDir, rank: int, lineup: Lineup) -> None:
        self.run_dir, self.rank, self._lineup = run_dir, rank, lineup
        self._writer: Writer | None = None
        self._of: dict[str, list[Part]] = {}  # by checkpoint
        self._untold: list[Part] = []  # what nobody was told of yet, of a checkpoint or of none

    def add(self, task: Task, row: ManifestRow | None = None) -> Future[None]:
        """Have `task` done; with `row`, that checkpoint is not complete before."""
        if self._writer is None:
            self._writer = Writer("callsheet-write")
        future = self._writer.submit(partial(_unless_gone, task, row))
        part = Part(future, self._lineup.context.calling, belongs=row is not None)
        self._untold.append(part)
        if row is not None:
            self._of.setdefault(row.name, []).append(part)
        return part.future

    def report(self) -> None:
        """Treat each task that has raised as if its plugin had raised in a hook. In the main thread, between hooks."""
        for part in [part for part in self._untold if part.future.done()]:
            self._untold.remove(part)
            if error := part.future.exception():
                self._lineup.guarded(part.plugin, "write_beside", partial(_raise, error))()

    def close_off(self, row: ManifestRow) -> Path | None:
        """No task follows for `row`. Returns the file that will say how they went; None if there was none."""
        if row.name not in self._of or self._writer is None:
            return None
        said = self.run_dir.path / "callsheet" / f".{row.name}-{self.rank}-{uuid.uuid4().hex[:8]}.written"
        self.run_dir.inside.make(said.parent)
        parts = [*self._of[row.name]]
        tell = partial(self._tell, said, parts)
        self._of[row.name].append(Part(self._writer.submit(tell)))
        return said

    def _tell(self, said: Path, parts: list[Part]) -> None:
        atomic.write(said, self._failure(parts), self.run_dir.path)

    def are_others_done(self) -> bool:
        """Whether no task is left that belongs to no checkpoint."""
        return all(part.future.done() for part in self._untold if not part.belongs)

    def are_written(self, row: ManifestRow) -> bool:
        """Whether nothing of `row` is left to do on this rank."""
        return all(part.future.done() for part in self._of.get(row.name, ()))

    def wait(self, row: ManifestRow) -> str:
        """Wait for the parts of `row` on this rank; returns what went wrong, or an empty string."""
        parts = self._of.get(row.name, [])
        wait([part.future for part in parts])
        self._of.pop(row.name, None)
        return self._failure(parts)

    def _failure(self, parts: Iterable[Part]) -> str:
        """Why the checkpoint does not count; it counts without the part of a plugin without which the run goes on."""
        errors = (part.future.exception() for part in parts if self._lineup.ends_the_run(part.plugin))
        return next((f"{type(error).__name__}: {error}" for error in errors if error), "")

    def close(self) -> None:
        """End the thread; what it has begun, it finishes."""
        if self._writer:
            self._writer.close()
        self._writer, self._of, self._untold = None, {}, []

    def sweep(self) -> None:
        """Remove the files of an attempt that was killed."""
        for name in self.run_dir.inside.names("callsheet"):
            if name.startswith(".") and ".written" in name:
                self.run_dir.inside.remove(f"callsheet/{name}")


@dataclass
class Late:
    """A checkpoint whose parts are still being written; `said` are the files that ranks make when theirs are."""

    row: ManifestRow
    said: list[Path]
    since: float = field(default_factory=time.monotonic)

    def is_written(self) -> bool:
        return all(path.exists() for path in self.said)

    def failure(self) -> str:
        """What went wrong on some rank, or an empty string."""
        return next(filter(None, (path.read_text(encoding="utf-8") for path in self.said)), "")

    def forget(self) -> float:
        """Remove the files; returns the seconds that the checkpoint was late."""
        for path in self.said:
            path.unlink(missing_ok=True)
        return time.monotonic() - self.since


def wait_until(true: Callable[[], bool], seconds: float, stop: Stop) -> bool:
    """Wait until `true`, or until `seconds` have passed, or `stop` says so; returns whether it is true."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end and not stop():
        time.sleep(POLL_SECONDS)
    return true()


def _raise(error: BaseException) -> None:
    raise error


def _unless_gone(task: Task, row: ManifestRow | None) -> None:
    try:
        task()
    except Exception:
        if row is None or row.path.is_dir():
            raise  # else the checkpoint was deleted, and what belonged to it with it
