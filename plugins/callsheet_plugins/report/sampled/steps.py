"""Which steps to show first where there are many: the newest, the first, then those between them evenly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def by_worth(steps: Sequence[int]) -> Iterator[int]:
    """All of `steps`, the newest and the first one before the others, halves before quarters.

    >>> [*by_worth([0, 1, 2, 3, 4])]
    [4, 0, 2, 1, 3]
    """
    yield from dict.fromkeys([*steps[-1:], *steps[:1]])
    gaps = [(0, len(steps) - 1)]
    while gaps:
        gaps = [
            part
            for start, end in gaps
            if end - start > 1
            for part in ((start, (start + end) // 2), ((start + end) // 2, end))
        ]
        yield from (steps[start] for start, _ in gaps[1::2])
