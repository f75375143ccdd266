"""The base of every tracker plugin: what it does in the run is to put one entry into the outbox."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from callsheet.hooks import Plugin
from callsheet.settings import setting
from callsheet.tracking.names import Names

if TYPE_CHECKING:
    from callsheet.records import LogContext
    from callsheet.tracking.records import TrackedRun
    from callsheet.tracking.sink import Sink


class Tracker(Plugin):
    """A tracker: it shows the numbers of a run elsewhere, and follows the run directory from a process of its own.

    `modules` are the packages that it imports, `extra` the extra of `distribution` that installs them, `names` which
    names it takes. `reports_to` is its name in `trainer.args.report_to`, by which transformers logs to the same one.
    """

    modules: ClassVar[tuple[str, ...]] = ()
    extra: ClassVar[str] = ""
    names: ClassVar[Names] = Names()
    reports_to: ClassVar[str] = ""

    deadline_seconds: float = setting(
        60.0, ge=0, help="How long the end of a run waits for a tracker that does not answer; the rest is kept."
    )
    max_rows: int = setting(100, ge=0, help="How many rows of a table of predictions or completions are sent.")

    def open(self, run: TrackedRun) -> Sink:
        """Begin `run` at the tracker, or go on with it; the only method that an author must write.

        Called in a process of its own, where the tracker's package may be imported. Whatever it raises is said in the
        courier's log, and tried again later.
        """
        raise NotImplementedError

    def problems(self, ctx: LogContext) -> Iterable[str]:
        """Sentences about what would keep it from logging, such as missing credentials; `callsheet check` shows them.

        Called in the driver. The package is there, and must not be imported.
        """
        return ()
