"""Where secrets stand in a text."""

from __future__ import annotations

from typing import NamedTuple

from callsheet.secrets.known import known
from callsheet.secrets.shapes import shaped


class Span(NamedTuple):
    start: int
    end: int
    kind: str


def spans(text: str) -> list[Span]:
    """The parts of `text` that are secrets, in order; those that overlap are one."""
    if not text:
        return []
    merged: list[Span] = []
    # What tells whose the value is comes before what only tells its shape.
    found = [(start, 0, end, whose) for start, end, whose in known(text)]
    found += [(start, 1, end, kind) for start, end, kind in shaped(text)]
    for start, _, end, kind in sorted(found):
        if merged and start < merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(end, merged[-1].end), merged[-1].kind)
        else:
            merged.append(Span(start, end, kind))
    return merged
