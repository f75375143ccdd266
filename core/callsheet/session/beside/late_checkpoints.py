"""When a checkpoint is complete: at its save, or once all ranks have written what plugins write beside training."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from callsheet.distributed.collectives import all_gather
from callsheet.errors import CallsheetError, PluginFailure
from callsheet.plugins.lineup import Lineup
from callsheet.records import ManifestRow
from callsheet.rundir.rundir import RunDir
from callsheet.session.beside.parts import Late, Parts, Stop, wait_until

logger = logging.getLogger("callsheet")

LONG = 1.0  # seconds that the loop waited, from which on it is told
OWN_SECONDS = 300.0  # that the end of a run waits for this rank's disk
OTHER_SECONDS = 10.0  # and then for the files of other ranks, which may be gone, or which NFS shows late


class LateCheckpoints:
    """At most one checkpoint is late. `complete` is called for each on rank 0, in the process's main thread."""

    def __init__(self, run_dir: RunDir, rank: int, complete: Callable[[ManifestRow], None], lineup: Lineup) -> None:
        self.run_dir, self.parts, self._complete = run_dir, Parts(run_dir, rank, lineup), complete
        self._row: ManifestRow | None = None  # of every rank
        self._late: Late | None = None  # of rank 0

    def add(self, row: ManifestRow) -> bool:
        """Every plugin has returned. Returns whether the checkpoint is complete; on all ranks together."""
        said = [path for path in all_gather(self.parts.close_off(row)) if path]
        if not said:
            self._complete(row)
            return True
        self._row = row
        if self.run_dir.is_main:
            self._late = Late(row, said)
        return False

    def look(self) -> bool:
        """Complete a late checkpoint if it is written; returns whether it was completed now. Costs no time else.

        Raises what a plugin raised beside training, if that is to end the run.
        """
        self.parts.report()
        return bool(self._late and self._late.is_written() and self._end())

    def wait(self) -> bool:
        """Wait until no checkpoint is late; returns whether one was that is complete now. On all ranks together."""
        if self._row is None:
            return False
        was_late, began = self._row, time.monotonic()
        failures = [*filter(None, all_gather(self.parts.wait(was_late)))]
        self._row = None
        if self._late:
            self._end(next(iter(failures), ""))  # each rank has told, and NFS may show its file late
        if (seconds := time.monotonic() - began) > LONG and self.run_dir.is_main:
            logger.warning("Training waited %.1f s for %s to be written.", seconds, was_late.name)
        self.parts.report()
        return not failures

    def finish(self, stop: Stop) -> None:
        """The run is over, in whatever way: wait for its disk, without the other ranks, which may be gone.

        Not once `stop` says so.
        """
        try:
            failure = self._waited_for(self._row, stop) if self._row else ""
            if self._late and (failure or wait_until(self._late.is_written, OTHER_SECONDS, stop)):
                self._end(failure or None)
            wait_until(self.parts.are_others_done, OWN_SECONDS, stop)
            with suppress(PluginFailure, CallsheetError):  # the run has ended, maybe by it
                self.parts.report()
        finally:
            if self._late:
                self._late.forget()
            self._row = self._late = None
            self.parts.close()

    def _waited_for(self, row: ManifestRow, stop: Stop) -> str:
        """What went wrong with the parts of this rank, if that is known in time."""
        if not self.parts.are_written(row) and not stop() and self.run_dir.is_main:
            said = "%s is still being written, and may take %g seconds. Ctrl-C ends the wait."
            logger.warning(said, row.name, OWN_SECONDS)
        is_known = wait_until(partial(self.parts.are_written, row), OWN_SECONDS, stop)
        return self.parts.wait(row) if is_known else ""

    def _end(self, failure: str | None = None) -> bool:
        """Complete the late checkpoint, unless it was deleted, or lacks something."""
        assert self._late is not None
        late, self._late = self._late, None
        failure = late.failure() if failure is None else failure
        seconds = late.forget()
        if not late.row.path.is_dir():
            return False
        if failure:
            self.run_dir.event("not_completed", checkpoint=late.row.name, error=failure)
            logger.warning("%s is not complete: %s. A run resumes from an older one.", late.row.name, failure)
            return False
        self.run_dir.event("completed_late", checkpoint=late.row.name, seconds=round(seconds, 3))
        self._complete(late.row)
        return True
