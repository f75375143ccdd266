"""The attempts of a run: when each began and ended, how, and how long nobody was at work before it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callsheet_plugins.report.telling.times import FIRST, LAST, lag, seconds_of

if TYPE_CHECKING:
    from callsheet_plugins.report.gathered import RunData

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
    found, signs = list[Start](), sorted(_signs(run))
    for place, attempt in enumerate(run.attempts):
        is_last = place + 1 == len(run.attempts)
        until = None if is_last else run.attempts[place + 1].started
        ended = known(attempt.ended)
        started, word = known(attempt.started), ended is not None
        before = found[-1].ended if found else None
        found.append(
            Start(
                attempt.number,
                started,
                ended if word else _last(signs, started, until),
                _how(attempt.status, word, run.status.state if is_last else ""),
                attempt.host,
                attempt.step,
                attempt.slurm_job,
                not word,
                lag(before, started),
            )
        )
    return found


def known(seconds: float | None) -> float | None:
    """A time of this era; a clock that was never set tells none."""
    return seconds if seconds is not None and FIRST.timestamp() <= seconds < LAST.timestamp() else None


def _how(status: str, has_word: bool, state: str) -> str:
    if has_word or status == KILLED:
        return status or UNKNOWN
    return RUNNING if state in AT_WORK else KILLED if state == "dead" else UNKNOWN


def _signs(run: RunData) -> Iterable[float]:
    """Times at which something of the run was written."""
    times = [seconds_of(event.get("time")) for event in run.events]
    times += [checkpoint.saved for checkpoint in run.checkpoints]
    times += [score.time for score in run.scores]
    times.append(run.status.written)
    return (time for time in map(known, times) if time is not None)


def _last(signs: Sequence[float], since: float | None, until: float | None) -> float | None:
    """The last sign after `since` and before `until`."""
    if since is None:
        return None
    return max((sign for sign in signs if since <= sign and (until is None or sign < until)), default=None)
