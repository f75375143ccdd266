"""Names and numbers for one line of a screen, whatever they hold: markup, control characters, 10 kB, NaN."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from callsheet.screen import in_a_line

LONGEST = 200  # characters of a name or a text that are looked at
# Terminals disagree on the width of what these change: a variation selector, a mark on top of a letter.
UNSURE = ("Mn", "Me", "Sk")
UNINTERESTING = ("_runtime", "_per_second", "_timing", "total_flos")
SCALES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def clean(text: object) -> str:
    """`text` without what moves a cursor, changes a colour or turns the direction of writing.

    >>> clean("a\\x1b[31m[/b]\\n")
    'a\\\\x1b[31m[/b]\\\\n'
    """
    line = in_a_line(str(text)[:LONGEST])
    if line.isascii():
        return line
    return "".join(sign for sign in line if unicodedata.category(sign) not in UNSURE)


def short(value: Any) -> str:
    """A value of a metric, in nine characters if it is a number.

    >>> short(0.123456), short(1234567), short(float("nan")), short(3e-05), short(12)
    ('0.1235', '1.23M', 'nan', '3.0e-05', '12')
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return clean(value)
    if not math.isfinite(value):
        return str(float(value))
    if value == int(value) and abs(value) < 1e5:
        return str(int(value))
    if abs(value) >= 1e4:
        return scaled(value)
    return f"{value:.1e}" if abs(value) < 1e-3 else f"{value:.4g}"


def scaled(value: float) -> str:
    """A large number in four characters and a unit.

    >>> scaled(8412), scaled(999), scaled(2.5e20)
    ('8.41k', '999', '2.5e+20')
    """
    if abs(value) >= 1e18:
        return f"{value:.2g}"
    for scale, sign in SCALES:
        if abs(value) >= scale:
            return f"{value / scale:.3g}{sign}" if abs(value) < 999.5 * scale else f"{value / scale:.0f}{sign}"
    return f"{value:.3g}"


def clock(seconds: float) -> str:
    """
    >>> clock(3725.4), clock(90000)
    ('1:02:05', '1 d 1:00:00')
    """
    if not math.isfinite(seconds):
        return "?"
    whole = round(max(0.0, seconds))
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    return f"{f'{days} d ' if days else ''}{hours}:{minutes:02}:{whole % 60:02}"


def speed(seconds: float) -> str:
    """How fast steps go that take `seconds` each."""
    return f"{1 / seconds:.1f} steps/s" if 0 < seconds < 1 else f"{seconds:.1f} s/step"


def interesting(names: Iterable[str]) -> list[str]:
    return [name for name in names if name != "epoch" and not name.endswith(UNINTERESTING)]


def grouped(metrics: Mapping[str, Any], leaving: Iterable[str] = ()) -> dict[str, dict[str, Any]]:
    """Metrics by what stands before their first "/", in the order in which they came; those without one come first.

    >>> grouped({"kl": 0.1, "rewards/a/mean": 1.0, "rewards/b/mean": 2.0})
    {'': {'kl': 0.1}, 'rewards': {'a/mean': 1.0, 'b/mean': 2.0}}
    """
    left = {*leaving}
    groups: dict[str, dict[str, Any]] = {"": {}}
    for name in interesting(metrics):
        if name not in left:
            group, slash, rest = name.partition("/")
            groups.setdefault(group if slash else "", {})[rest if slash else name] = metrics[name]
    return {group: found for group, found in groups.items() if found}


def of_set(name: str, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The metrics of the evaluation set `name`, without the prefix of Trainer, or the one that TRL gives its own.

    >>> of_set("code", {"eval_code_loss": 1.5, "eval_entropy": 2.5, "eval_num_tokens": 7, "epoch": 1})
    {'loss': 1.5, 'entropy': 2.5}
    """
    found = {
        key.removeprefix(f"eval_{name}_" if key.startswith(f"eval_{name}_") else "eval_"): metrics[key]
        for key in interesting(metrics)
    }
    found.pop("num_tokens", None)  # of training, as TRL counts them
    return found
