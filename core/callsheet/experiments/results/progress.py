"""How far an experiment is: who works on which arm since when, and when all of it should be over."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median

from callsheet.experiments.places import ACTIVE, DONE, PENDING, STATES
from callsheet.experiments.queue import Entry, Queue, holders
from callsheet.experiments.queue.holders import Holder
from callsheet.experiments.results.arms import Known


@dataclass(frozen=True)
class Work:
    """An arm in hand. `seconds` is for how long, by the worker's own word; `lives` is None where nobody can tell."""

    arm: str
    worker: str
    host: str
    since: str | None
    seconds: float | None
    lives: bool | None


@dataclass(frozen=True)
class Progress:
    """How many arms are in which state, who works, and in how many seconds the rest should be over.

    `seconds_left` is None where no arm has told yet how long one takes, and where nobody works. `each` is how long an
    arm takes, at the median of those that are done.
    """

    counts: dict[str, int]
    working: tuple[Work, ...]
    workers: int
    each: float | None
    seconds_left: float | None

    @property
    def is_over(self) -> bool:
        return not (self.counts[PENDING] or self.counts[ACTIVE])


def progress_of(directory: Path, arms: Sequence[Known]) -> Progress:
    """By the files of the queue and of workers; changes nothing."""
    known = {holder.id: holder for holder in _workers(directory)}
    claims = {claim.name: claim.worker for claim in Queue(directory).claims()}
    working = [_work(arm.entry.name, claims, known) for arm in arms if arm.state == ACTIVE]
    at_work = [holder for holder in known.values() if not holder.ended and holders.is_gone(holder) is not True]
    workers = max(len(at_work), len([one for one in working if one.lives is not False]))
    took = _took(arms)
    counted = Counter(arm.state for arm in arms)
    return Progress(
        counts={state: counted[state] for state in STATES},
        working=tuple(working),
        workers=workers,
        each=median(seconds for of in took.values() for seconds in of) if took else None,
        seconds_left=_left(arms, working, workers, took),
    )


def _workers(directory: Path) -> list[Holder]:
    """Every worker that is known of; none where that cannot be read, which costs the table a column."""
    try:
        return holders.all_of(directory)
    except OSError:
        return []


def _work(arm: str, claims: dict[str, str], known: dict[str, Holder]) -> Work:
    worker = claims.get(arm, "")
    holder = known.get(worker)
    if holder is None:
        return Work(arm, worker, "", None, None, None)
    gone = holders.is_gone(holder)
    since = holder.arm_since if holder.arm == arm else None
    return Work(arm, worker, holder.host, since, _since(since), None if gone is None else not gone)


def _took(arms: Iterable[Known]) -> dict[str, list[float]]:
    """How long the arms of each method took, all attempts together."""
    found: dict[str, list[float]] = {}
    for arm in arms:
        if arm.state == DONE and (seconds := _seconds(arm.entry)):
            found.setdefault(arm.entry.method, []).append(seconds)
    return found


def _seconds(entry: Entry) -> float:
    return sum(attempt.seconds or 0.0 for attempt in entry.attempts)


def _left(arms: Sequence[Known], working: Sequence[Work], workers: int, took: dict[str, list[float]]) -> float | None:
    """The work that is left, shared by the workers; no less than what the slowest arm in hand still needs."""
    if not took or not workers:
        return None
    everywhere = median(seconds for of in took.values() for seconds in of)
    expected = {arm.entry.name: median(took.get(arm.entry.method, [everywhere])) for arm in arms}
    pending = [expected[arm.entry.name] for arm in arms if arm.state == PENDING]
    in_hand = [max(expected[one.arm] - (one.seconds or 0.0), 0.0) for one in working]
    return max([sum(pending + in_hand) / workers, *in_hand, *pending]) if pending or in_hand else 0.0


def _since(time_of: str | None) -> float | None:
    try:
        return max(time.time() - datetime.fromisoformat(time_of or "").timestamp(), 0.0)
    except (ValueError, OverflowError):
        return None
