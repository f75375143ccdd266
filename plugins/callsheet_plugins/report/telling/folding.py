"""Events of runs, equal ones folded into one with their count, those that say most kept where there are too many."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from callsheet_plugins.report.telling.events import ASKED, COURSE, FAILED, OTHER, RECOVERED, Told, kind_of, told
from callsheet_plugins.report.telling.times import seconds_of

ALIKE, ALIKE_OF_COURSE = 10, 4  # so many that differ in a number alone are one
MOST_READ = 50_000  # events of all runs together
MOST_TOLD = 5_000  # events that are put in words, which takes 50 microseconds each
MOST = 300  # rows on one page
FIRST_KEPT = (FAILED, ASKED, RECOVERED, OTHER, COURSE)  # where there are more
NUMBER = re.compile(r"\b[0-9a-f]{7,}\b|\d+(\.\d+)?(e-?\d+)?")


@dataclass
class Folded:
    """Events that say the same, in the `order` of the first; `event` is the last of them, in words.

    `first` and `last` are the earliest and the latest time. `runs` are the labels of those that have it.
    """

    event: Told
    order: float
    first: float | None
    last: float | None
    count: int = 0
    runs: dict[str, None] = field(default_factory=dict)
    clock_went_back: bool = False

    def add(self, row: Row) -> None:
        self.count, self.event = self.count + 1, row.event
        self.runs[row.run] = None
        self.order = min(self.order, row.order)
        times = [time for time in (self.first, self.last, row.time) if time is not None]
        self.first, self.last = min(times, default=None), max(times, default=None)
        self.clock_went_back |= row.back


@dataclass(frozen=True)
class Row:
    """One event; `back` says that it is older than the one before it in its file: a clock was set.

    `order` never is: it is the latest time so far.
    """

    run: str
    order: float
    time: float | None
    back: bool
    event: Told
    alike: tuple[str, str]


def folded(runs: Iterable[tuple[str, Sequence[Mapping[str, Any]]]]) -> tuple[list[Folded], int]:
    """The events of runs, by label, in the order in which they happened first, and how many others are left out.

    Events that say the same are one. So are those that differ in numbers alone, where there are at least `ALIKE`, or,
    of the usual course of a run, `ALIKE_OF_COURSE`.
    """
    sources = list(runs)
    share = MOST_READ // max(1, len(sources))
    timed = [(label, *row) for label, events in sources for row in _timed(_most_telling(events, share))]
    most_telling = sorted(range(len(timed)), key=lambda at: FIRST_KEPT.index(kind_of(timed[at][-1])))[:MOST_TOLD]
    rows = [_row(*timed[at]) for at in sorted(most_telling)]
    often = Counter(row.alike for row in rows)
    found: dict[tuple[str, str], Folded] = {}
    for row in rows:
        many = ALIKE_OF_COURSE if row.event.kind == COURSE else ALIKE
        key = row.alike if often[row.alike] >= many else (row.event.kind, row.event.sentence)
        found.setdefault(key, Folded(row.event, row.order, row.time, row.time)).add(row)
    kept = _kept(list(found.values()))
    return kept, sum(len(events) for _, events in sources) - sum(one.count for one in kept)


def _most_telling(events: Sequence[Mapping[str, Any]], most: int) -> Sequence[Mapping[str, Any]]:
    """All of them, or `most`: the newest, where those of the usual course only fill the room that others leave."""
    if len(events) <= most:
        return events
    telling = [place for place, event in enumerate(events) if kind_of(event) != COURSE][-most:]
    usual = [place for place, event in enumerate(events) if kind_of(event) == COURSE]
    rest = most - len(telling)
    return [events[place] for place in sorted([*telling, *(usual[-rest:] if rest else [])])]


def _timed(events: Sequence[Mapping[str, Any]]) -> Iterator[tuple[float, float | None, bool, Mapping[str, Any]]]:
    before, order = 0.0, 0.0
    for event in events:
        time = seconds_of(event.get("time"))
        order = max(order, time or 0.0)
        yield order, time, time is not None and time < before - 1, event
        before = time or before


def _row(run: str, order: float, time: float | None, back: bool, event: Mapping[str, Any]) -> Row:
    words = told(event)
    return Row(run, order, time, back, words, (words.kind, NUMBER.sub("#", words.sentence)))


def _kept(found: list[Folded]) -> list[Folded]:
    by_time = sorted(found, key=lambda row: row.order)
    first = sorted(range(len(by_time)), key=lambda at: FIRST_KEPT.index(by_time[at].event.kind))[:MOST]
    return [by_time[at] for at in sorted(first)]
