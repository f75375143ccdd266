"""Where a tracker's points go: one open run of a tracker, in a process that is not the run's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from callsheet.tracking.records import Point, Rows


class Sink:
    """One open run of a tracker. Whatever a method raises, it is tried again later, by a new process and sink.

    `point`, `rows`, `checkpoint` and `revision` may only collect; `flush` makes it safe. `hurries()` says whether
    somebody waits for the end: then a `flush` that waits for long may return before, if `end` and `close` make all of
    it safe. `batch` is how many points and tables are sent between two calls of `flush`.
    """

    batch: ClassVar[int] = 1_000
    hurries: Callable[[], bool] = staticmethod(lambda: False)

    def point(self, point: Point) -> None:
        """Take numbers. Scores come late: their step may be smaller than others before."""
        raise NotImplementedError

    def rows(self, rows: Rows) -> None:
        """Take new rows of a table. By default, a tracker has no tables."""

    def checkpoint(self, row: Mapping[str, Any]) -> None:
        """A checkpoint is complete: its `name`, `step`, `epoch` and `path`. Perhaps told twice."""

    def revision(self, revision: Mapping[str, Any]) -> None:
        """A checkpoint is published: its `repo`, `branch`, `commit`, `step`, `url`, …. Perhaps told twice."""

    def flush(self) -> None:
        """Return when all that was taken is safe: at the tracker, or in a file that outlives this process."""

    def lacks(self, item: Point | Rows) -> bool:
        """Whether the tracker may lack `item`, which a killed process has sent, or not.

        Asked in the order of sending, of what was sent since the last `flush` that returned, before anything else.
        """
        return True

    def end(self, status: str, summary: Mapping[str, Any]) -> None:
        """Close the run; a late score opens it again. `status` is completed, stopped, interrupted, failed or killed.

        `summary` has the last `metrics`, `step`, `seconds` and `error`, as `outcome` in run.json.
        """

    def close(self) -> None:
        """Leave without an end, since another process goes on."""

    def ids(self) -> Mapping[str, str]:
        """What finds the run again, and what users look for: "run_id", "url" or "where", "page" of its project, …"""
        return {}
