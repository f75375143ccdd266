"""Moments and spans of time, as files have them and as readers want them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

UNITS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))
FIRST, LAST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def seconds_of(written: Any) -> float | None:
    """Seconds since 1970 of a time as `run.json` or the outbox has it; None for what is no time of this era.

    >>> seconds_of("2026-11-28T03:51:36.668+00:00"), seconds_of("soon"), seconds_of(None), seconds_of(True)
    (1795837896.668, None, None, None)
    """
    try:
        if isinstance(written, str):
            found = datetime.fromisoformat(written)
            found = found if found.tzinfo else found.replace(tzinfo=UTC)
        elif isinstance(written, (int, float)) and not isinstance(written, bool):
            found = datetime.fromtimestamp(written, UTC)
        else:
            return None
        return found.timestamp() if FIRST <= found < LAST else None
    except (ValueError, OverflowError, OSError):
        return None


def moment(seconds: float | None) -> str:
    """A moment in UTC, to the second; empty if it is not known.

    >>> moment(1795837896.668), moment(None)
    ('2026-11-28 03:51:36', '')
    """
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def day_of(moments: Iterable[float | None]) -> str:
    """The day in which all of them lie, in UTC; empty where there are several."""
    days = {moment(each)[:10] for each in moments if each is not None}
    return days.pop() if len(days) == 1 else ""


def span(seconds: float | None) -> str:
    """A time that passed, in its two largest units; empty if it is not known.

    >>> span(0.25), span(7.0), span(125), span(7_500), span(200_000), span(-3)
    ('0.25 s', '7 s', '2 min 5 s', '2 h 5 min', '2 d 7 h', '-3 s')
    """
    if seconds is None:
        return ""
    if seconds < 0:
        return f"-{span(-seconds)}"
    if seconds < 10:
        return f"{seconds:.2g} s" if seconds < 9.95 else "10 s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    return _in_two_units(round(seconds))


def lag(before: float | None, after: float | None) -> float | None:
    """The seconds between two moments, None where one is not known, or where a clock was set back between them."""
    return None if before is None or after is None or after < before else after - before


def _in_two_units(seconds: int) -> str:
    names = [*UNITS, (1.0, "s")]
    for (large, one), (small, other) in pairwise(names):
        if seconds >= large:
            whole, rest = divmod(seconds, int(large))
            part = int(rest // small)
            return f"{whole} {one}" + (f" {part} {other}" if part else "")
    return f"{seconds} s"
