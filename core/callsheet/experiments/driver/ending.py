"""The second half of a driver: what came of the arms, the last hook, and what is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from callsheet.disk.standing import short
from callsheet.experiments import results
from callsheet.experiments.driver.beginning import Begun
from callsheet.experiments.places import PENDING
from callsheet.experiments.results import Summary
from callsheet.outbox.counts import NOT_ALL_PUBLISHED
from callsheet.rundir.rundir import now
from callsheet.session.going_on import shell

INTERRUPTED, FAILED = "interrupted", "failed"
LOST = ("failed", "skipped")  # ends of an arm that the exit code tells of
EMPTY = "stopped"  # the status of an experiment no arm of which began: its budget was used up


@dataclass(frozen=True)
class End:
    """How an experiment ended; `left` are arms that did not begin, as when its budget was used up."""

    summary: Summary
    left: int = 0

    @property
    def exit_code(self) -> int:
        """0 where every arm that began has ended well, 1 where one failed, 3 where not all was published."""
        if any(arm.result.status in LOST for arm in self.summary.arms):
            return 1
        return NOT_ALL_PUBLISHED if any(arm.entry.remark for arm in self.summary.arms) else 0


def end(begun: Begun) -> End:
    """Announce the end, and write the results down."""
    summary = results.of(begun.folder)
    begun.announcer.end(summary.result)
    _write(begun, summary, summary.result.status or EMPTY)
    return End(summary, sum(arm.state == PENDING for arm in summary.arms))


def broken_off(begun: Begun, status: str) -> None:
    """Write down what has become of the arms where a signal, or a mistake, has ended the driver."""
    _write(begun, results.of(begun.folder), status)


def how_to_go_on(folder: Path) -> str:
    return f"To go on: {shell('callsheet', 'experiment', 'resume', short(folder))}"


def _write(begun: Begun, summary: Summary, status: str) -> None:
    begun.record.status, begun.record.ended = status, now()
    results.write(begun.folder, summary, begun.record.content())
