"""What plugins write beside training: a thread on each rank, and the checkpoint that waits for what belongs to it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from callsheet.records import ManifestRow
from callsheet.rundir import atomic
from callsheet.rundir.rundir import RunDir

Task = Callable[[], None]

POLL_SECONDS = 0.05


class Parts:
    """Does tasks of this rank one after the other, and tells rank 0 by a file when those of a checkpoint are done.

    A collective would make the loop wait, and a file need not: all ranks see the run directory.
    """

    def __init__(self, run_dir: RunDir, rank: int) -> None:
        self.run_dir, self.rank = run_dir, rank
        self._pool: ThreadPoolExecutor | None = None
        self._of: dict[str, list[Future[None]]] = {}

    def add(self, task: Task, row: ManifestRow | None = None) -> Future[None]:
        """Have `task` done; with `row`, that checkpoint is not complete before."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, "callsheet-write")
        future = self._pool.submit(_unless_gone, task, row)
        if row is not None:
            self._of.setdefault(row.name, []).append(future)
        return future

    def close_off(self, row: ManifestRow) -> Path | None:
        """No task follows for `row`. Returns the file that will say how they went; None if there was none."""
        if row.name not in self._of or self._pool is None:
            return None
        said = self.run_dir.path / "callsheet" / f".{row.name}-{self.rank}-{uuid.uuid4().hex[:8]}.written"
        said.parent.mkdir(exist_ok=True)
        parts = [*self._of[row.name]]
        self._of[row.name].append(self._pool.submit(lambda: atomic.write(said, _failure(parts))))
        return said

    def wait(self, row: ManifestRow, seconds: float | None = None) -> str:
        """Wait for the parts of `row` on this rank; returns what went wrong, or an empty string."""
        done, _ = wait(self._of.pop(row.name, ()), seconds)
        return _failure(done)

    def close(self) -> None:
        """End the thread; what it has begun, it finishes."""
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


@dataclass
class Late:
    """A checkpoint whose parts are still being written; `said` are the files that ranks make when theirs are."""

    row: ManifestRow
    said: list[Path]
    since: float = field(default_factory=time.monotonic)

    def is_written(self) -> bool:
        return all(path.exists() for path in self.said)

    def wait(self, seconds: float) -> bool:
        """Wait for all ranks; returns whether all have written."""
        end = time.monotonic() + seconds
        while not self.is_written() and time.monotonic() < end:
            time.sleep(POLL_SECONDS)
        return self.is_written()

    def failure(self) -> str:
        """What went wrong on some rank, or an empty string."""
        return next(filter(None, (path.read_text(encoding="utf-8") for path in self.said)), "")

    def forget(self) -> float:
        """Remove the files; returns the seconds that the checkpoint was late."""
        for path in self.said:
            path.unlink(missing_ok=True)
        return time.monotonic() - self.since


def _failure(parts: Iterable[Future[None]]) -> str:
    errors = (part.exception() for part in parts)
    return next((f"{type(error).__name__}: {error}" for error in errors if error), "")


def _unless_gone(task: Task, row: ManifestRow | None) -> None:
    try:
        task()
    except Exception:
        if row is None or row.path.is_dir():
            raise  # else the checkpoint was deleted, and what belonged to it with it
