"""Secrets that are known by their value: what the environment holds under a secret's name, and what was remembered."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from urllib.parse import quote, quote_plus

from callsheet.secrets.names import names_a_secret
from callsheet.secrets.shapes import shaped

MEMORABLE = 8  # characters; shorter values stand in innocent words
MOST = 1000  # values that one process remembers
PIECE = 1024  # characters of a value that are looked for at once
LONGEST = 16 << 10  # no form of a piece, and no shape, takes more characters
TELLING = 16  # characters of a line of a value that goes over several
INNOCENT = (
    r"disabled|required|optional|anonymous|undefined|password|changeme|username|default\w*|negotiate|<[^<>]*>|\$\{.*\}"
)

_remembered: dict[str, str] = {}


def remember(value: str, whose: str = "a setting") -> None:
    """Take `value` for a secret from now on, in this process, so that no later message brings it back."""
    if len(value) >= MEMORABLE and len(_remembered) < MOST and not re.fullmatch(INNOCENT, value, re.I):
        _remembered.setdefault(value, f"the value of {whose}")


def known(text: str) -> Iterator[tuple[int, int, str]]:
    """Where known secrets begin and end in `text`, and whose they are."""
    for value, whose in _secrets().items():
        for form in forms(value):
            start = text.find(form)
            while start >= 0:
                yield start, start + len(form), whose
                start = text.find(form, start + len(form))


def _secrets() -> dict[str, str]:
    return {**_remembered, **_of_environment(tuple(os.environb.items()))}


@lru_cache(1)  # to decode the environment for every text takes a tenth of the time to compose an arm
def _of_environment(variables: tuple[tuple[bytes, bytes], ...]) -> dict[str, str]:
    decoded = ((os.fsdecode(name), os.fsdecode(value)) for name, value in variables)
    return {
        value: f"the value of the environment variable {name}"
        for name, value in decoded
        if len(value) >= MEMORABLE and names_a_secret(name) and not _is_innocent(value)
    }


def secret_variables(environ: Mapping[str, str]) -> list[str]:
    """The names in `environ` under which secrets stand, or values that are nothing but a token."""
    return [
        name
        for name, value in environ.items()
        if value and ((names_a_secret(name) and not _is_innocent(value)) or _is_token(value))
    ]


def _is_token(value: str) -> bool:
    return any((start, end) == (0, len(value)) for start, end, _ in shaped(value))


@lru_cache(1024)
def _is_innocent(value: str) -> bool:
    """A word that programs know, or the path of a file with credentials."""
    is_path = value.startswith(("/", "~/")) and os.path.exists(os.path.expanduser(value))
    return is_path or bool(re.fullmatch(INNOCENT, value, re.I))


@lru_cache(1024)
def forms(value: str) -> tuple[str, ...]:
    """How `value` may be written, each form once, the longest first."""
    pieces = [piece for line in _lines(value) for piece in _cut(line)]
    found = {form for piece in pieces for form in _written(piece)}
    return tuple(sorted(found, key=lambda form: (-len(form), form)))


def _lines(value: str) -> list[str]:
    lines = [line.strip() for line in value.splitlines()]
    telling = [line for line in lines if len(line) >= TELLING]
    return [value] if len(lines) < 2 else telling or [value.strip()]


def _cut(line: str) -> list[str]:
    pieces = [line[start : start + PIECE] for start in range(0, len(line), PIECE)]
    return [piece for piece in pieces if len(piece) >= TELLING] or pieces[:1]


def _written(piece: str) -> Iterator[str]:
    import json  # which listing plugins, where no secret is known, does without

    yield piece
    raw = piece.encode("utf-8", "surrogateescape")
    yield raw.decode("latin-1")  # as bytes hold it that are read one by one
    for ascii in (True, False):
        yield json.dumps(piece, ensure_ascii=ascii)[1:-1]
    yield repr(piece)[1:-1]
    yield piece.replace("'", "''")  # YAML
    yield piece.replace('"', '""')  # CSV
    for sign in "_-":  # the name of a file
        yield piece.replace("/", sign)
    yield piece.replace("'", "'\"'\"'")  # a shell
    yield _html(piece)
    for encoded in (quote(raw, safe=""), quote(raw), quote_plus(raw)):
        yield encoded
        yield re.sub("%..", lambda found: found[0].lower(), encoded)
    yield from (raw.hex(), raw.hex().upper())
    yield from _base64(raw)


def _html(piece: str) -> str:
    """As `html.escape` has it, whose import takes longer than all others here."""
    for sign, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#x27;")):
        piece = piece.replace(sign, name)
    return piece


def _base64(raw: bytes) -> Iterator[str]:
    """Its base64, whatever stands before and after it in what was encoded: those signs that depend on it alone."""
    for before in range(3):
        bits = 8 * (before + len(raw))
        first, last = -(-8 * before // 6), bits // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(bytes(before) + raw).decode()[first:last]
