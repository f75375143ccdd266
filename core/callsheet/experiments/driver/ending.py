"""The second half of a driver: what came of the arms, the last hook, and what is written and said."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from callsheet.experiments.driver.beginning import Begun
from callsheet.results import ExperimentResult
from callsheet.rundir.revisions import short
from callsheet.rundir.rundir import now
from callsheet.session.going_on import shell

INTERRUPTED, UNFINISHED = "interrupted", "unfinished"


@dataclass(frozen=True)
class End:
    """How an experiment ended; `left` are arms that did not begin, as when its budget was used up."""

    folder: Path
    result: ExperimentResult
    left: int = 0


def end(begun: Begun) -> End:
    """Announce the end, and write the results beside it."""
    from callsheet.experiments import results

    result = results.of(begun.folder)
    begun.announcer.end(result)
    states = begun.queue.states()
    record = begun.record
    record.status, record.ended = result.status, now()
    results.write(begun.folder, record, result)
    return End(begun.folder, result, sum(state == "pending" for state in states.values()))


def interrupted(begun: Begun) -> None:
    """Write down that a signal ended the driver, and what has become of the arms."""
    begun.record.status, begun.record.ended = INTERRUPTED, now()
    begun.record.write(begun.folder)


def how_to_go_on(folder: Path) -> str:
    return f"To go on: {shell('callsheet', 'experiment', 'resume', str(short(folder)))}"
