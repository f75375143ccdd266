"""How long ago something was, in one short word."""

from __future__ import annotations


def age(seconds: float) -> str:
    """
    >>> age(59), age(61), age(7300), age(200_000)
    ('59 s', '1 min', '2 h', '2 d')
    """
    for length, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
