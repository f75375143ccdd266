"""Any value as text for a page: no sign that is obeyed in place of shown, and no text without end."""

from __future__ import annotations

import json
import re
from typing import Any

from callsheet.completions.rows import shortened
from callsheet.values import plain

FIELD = 400  # characters of a value beside others
BREAKS = "\n\t"
# What turns the direction of the text around it, beyond its own end; and line ends that only some programs know.
TURNS = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x2028, 0x2029]
LONE = re.compile("[\ud800-\udfff]")
TABLE = {
    **{code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in BREAKS},
    0x7F: "\u2421",
    **{code: f"⟨U+{code:04X}⟩" for code in (*range(0x80, 0xA0), 0xFEFF, 0xFFF9, 0xFFFA, 0xFFFB, *TURNS)},
}


def visible(text: str, longest: int | None = None) -> str:
    """`text` with a picture or a number for each sign that is obeyed; of more than `longest` characters, both ends.

    >>> visible("\\x1b[31mred\\u202e\\r\\n")
    '␛[31mred⟨U+202E⟩␍\\n'
    """
    kept = text if longest is None else shortened(text, longest)
    return kept if kept.isascii() and kept.isprintable() else LONE.sub("\ufffd", kept.translate(TABLE))


def said(value: Any, longest: int = FIELD) -> str:
    """A value of a record as a reader wants it: text as it is, all else as JSON.

    >>> said("a"), said(None), said([1, 2]), said(0.1), said(True)
    ('a', 'null', '[1, 2]', '0.1', 'true')
    """
    return visible(value if isinstance(value, str) else _json(value), longest)


def in_line(value: Any, longest: int = FIELD) -> str:
    """The same in one line."""
    return " ".join(said(value, longest).split())


def _json(value: Any) -> str:
    try:
        return json.dumps(plain(value), ensure_ascii=False)
    except RecursionError:
        return "(nested too deeply to be shown)"
