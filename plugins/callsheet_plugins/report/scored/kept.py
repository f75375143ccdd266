"""Answers that were read before, while their files stay as they are: two sections need them, and a live page does."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from callsheet_plugins.report.reading.answers import Answered
from callsheet_plugins.report.scored.intervals import Interval

MOST_INTERVALS = 10_000
MOST_BYTES = 128 << 20  # of the files whose answers are kept
_kept: OrderedDict[File, list[Answered]] = OrderedDict()
_intervals: OrderedDict[tuple[File, str, float], Interval] = OrderedDict()
_lock = Lock()


@dataclass(frozen=True)
class File:
    """A file of answers as it was at one moment."""

    run: Path
    name: str
    size: int
    changed: int  # nanoseconds since 1970


def of(file: File, read: Callable[[], list[Answered]]) -> list[Answered]:
    """What `read` gives, or gave for `file` before."""
    with _lock:
        if file in _kept:
            _kept.move_to_end(file)
            return _kept[file]
    found = read()
    with _lock:
        _kept[file] = found
        while sum(each.size for each in _kept) > MOST_BYTES:
            _kept.popitem(last=False)
    return found


def interval(about: tuple[File, str, float], compute: Callable[[], Interval]) -> Interval:
    """The interval of a score by a metric, with its value, as it was computed before."""
    if (found := _intervals.get(about)) is None:
        found = compute()
        with _lock:
            _intervals[about] = found
            while len(_intervals) > MOST_INTERVALS:
                _intervals.popitem(last=False)
    return found
