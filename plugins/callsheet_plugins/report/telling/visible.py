"""Any value as text for a page: no sign that is obeyed in place of shown, and no text without end."""

from __future__ import annotations

import json
import re
from typing import Any

from callsheet.completions.rows import shortened
from callsheet.values import plain

FIELD = 400  # characters of a value beside others
# Control characters but for tabs and line breaks, halves of surrogate pairs, marks that turn the direction of the text
# around them, line ends that only some programs know, a byte order mark. Joiners are part of words and of emoji.
OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def visible(text: str, longest: int | None = None) -> str:
    """`text` with a number for each sign that is obeyed and not seen; of more than `longest` characters, both ends.

    >>> visible("\\x1b[31mred\\u202e\\r\\n")
    '⟨U+001B⟩[31mred⟨U+202E⟩\\n'
    """
    kept = text if longest is None else shortened(text, longest)
    return OBEYED.sub(_number, kept.replace("\r\n", "\n"))


def said(value: Any, longest: int = FIELD) -> str:
    """A value of a record as a reader wants it: text as it is, all else as JSON.

    >>> said("a"), said(None), said([1, 2]), said(0.1), said(True)
    ('a', 'null', '[1, 2]', '0.1', 'true')
    """
    return visible(value if isinstance(value, str) else json.dumps(plain(value), ensure_ascii=False), longest)


def in_line(value: Any, longest: int = FIELD) -> str:
    """The same in one line."""
    return " ".join(said(value, longest).split())


def _number(sign: re.Match[str]) -> str:
    number = ord(sign[0])
    return "\ufffd" if 0xD800 <= number < 0xE000 else f"⟨U+{number:04X}⟩"
