"""Text as one screen takes it: no sign that moves the cursor, and no word, line or list without end."""

from __future__ import annotations

import re

WORD = 400  # characters without a space: paths are shorter
LINE = 1_600  # characters, of which the first and the last are kept: advice stands at the end
LINES = 20
TAIL = 400
KEPT = 60
LONG = re.compile(rf"\S{{{WORD},}}")


def on_a_screen(text: str) -> str:
    """`text` as it is, if it is short and plain; else without what a screen cannot show.

    >>> on_a_screen("experiment=" + "x" * 5000)
    'experiment=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… (5,011 characters)'
    """
    lines = [cut(line) for line in printable(text).split("\n")]
    shown = [*lines[: LINES - 1], f"… and {len(lines) - LINES + 1} more lines."] if len(lines) > LINES else lines
    return cut("\n".join(shown))


def printable(text: str) -> str:
    """`text` with an escape for each sign that is not shown but obeyed, such as ESC, and for bytes that are no UTF-8.

    >>> printable("\\x1b[31mred\\udcff")
    '\\\\x1b[31mred\\\\xff'
    """
    if text.translate({10: None, 9: None}).isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign in "\n\t" else _escape(sign) for sign in text)


def in_a_line(text: str) -> str:
    """The same, with line breaks and tabs escaped, too."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def quoted(value: object) -> str:
    """`value` for a sentence, in quotes if it is text, and no longer than a reader needs to know it again.

    >>> quoted("a\\nb"), quoted([1])
    ("'a\\\\nb'", '[1]')
    """
    text = in_a_line(value if isinstance(value, str) else repr(value))
    short = text if len(text) <= KEPT else f"{text[:KEPT]}… ({len(text):,} characters)"
    return f"'{short}'" if isinstance(value, str) else short


def cut(text: str) -> str:
    """`text` without the middle of words and of lines that are too long for a screen."""
    text = LONG.sub(lambda word: f"{word[0][:KEPT]}… ({len(word[0]):,} characters)", text)
    return text if len(text) <= LINE else f"{text[: LINE - TAIL]} … {text[-TAIL:]}"


def _escape(sign: str) -> str:
    number = ord(sign)
    return f"\\x{number - 0xDC00:02x}" if 0xDC80 <= number <= 0xDCFF else sign.encode("unicode_escape").decode()
