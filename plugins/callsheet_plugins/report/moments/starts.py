"""The attempts of a run: when each began and ended, how, and how long nobody was at work before it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from callsheet_plugins.report.telling.times import FIRST, LAST, lag, seconds_of

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import RunData
    from callsheet_plugins.report.reading.attempts import Attempt

RUNNING, KILLED, UNKNOWN = "running", "killed", "no word of its end"
AT_WORK = ("alive", "waiting")
WORDS = {"completed": "took all its steps", "stopped": "stopped by a plugin", "interrupted": "stopped by a signal"}


@dataclass(frozen=True)
class Start:
    """An attempt. `how` is one of the words of `run.json`, or `RUNNING`, `KILLED` or `UNKNOWN`.

    `ended` is its last sign of life if it `left_no_word`. `gap` is the time since the one before it ended.
    """

    number: int
    started: float | None
    ended: float | None
    how: str
    host: str
    step: int | None
    slurm_job: str
    left_no_word: bool
    gap: float | None

    @property
    def took(self) -> float | None:
        return lag(self.started, self.ended)

    @property
    def words(self) -> str:
        """How it ended, as a reader wants it."""
        return WORDS.get(self.how, self.how)


def starts(run: RunData) -> list[Start]:
    """Oldest first."""
    found = list[Start]()
    for attempt, after in zip_longest(run.attempts, run.attempts[1:]):
        found.append(_start(run, attempt, after, found[-1].ended if found else None))
    return found


def _start(run: RunData, attempt: Attempt, after: Attempt | None, before: float | None) -> Start:
    ended, started = known(attempt.ended), known(attempt.started)
    has_word = ended is not None
    return Start(
        attempt.number,
        started,
        ended if has_word else _last(run, started, after.started if after else None),
        attempt.status or UNKNOWN if has_word or attempt.status == KILLED else UNKNOWN if after else _state(run),
        attempt.host,
        attempt.step,
        attempt.slurm_job,
        not has_word,
        lag(before, started),
    )


def known(seconds: float | None) -> float | None:
    """A time of this era; a clock that was never set tells none."""
    return seconds if seconds is not None and FIRST.timestamp() <= seconds < LAST.timestamp() else None


def _state(run: RunData) -> str:
    """How it goes with an attempt that is the last and has not said that it ended."""
    return RUNNING if run.status.state in AT_WORK else KILLED if run.status.state == "dead" else UNKNOWN


def _last(run: RunData, since: float | None, until: float | None) -> float | None:
    """The last sign of life after `since` and before `until`."""
    if since is None:
        return None
    return max((sign for sign in _signs(run) if since <= sign and (until is None or sign < until)), default=None)


def _signs(run: RunData) -> Iterable[float]:
    """Times at which something of the run was written."""
    times = [seconds_of(event.get("time")) for event in run.events]
    times += [checkpoint.saved for checkpoint in run.checkpoints]
    times += [score.time for score in run.scores]
    times.append(run.status.written)
    return (time for time in map(known, times) if time is not None)
