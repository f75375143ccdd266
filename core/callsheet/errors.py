"""What Callsheet says when it cannot go on, and the nearest right answer."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

T = TypeVar("T")
FEW = 3  # names that a sentence lists


class CallsheetError(Exception):
    """A mistake its reader can correct: the command line prints it alone, without a traceback, and exits with 2.

    `is_echo` says that rank 0 raises the same one, and prints it.
    """

    is_echo = False


class OutOfRange(CallsheetError):
    """Settings are out of their ranges, and nothing else is wrong with what was composed; a line for each."""


class PluginFailure(Exception):
    """A hook raised, and its plugin's `on_error` says that this ends the run."""


def together(*steps: Callable[[], T]) -> list[T]:
    """What each of `steps` returns; all are taken, and what they refuse is raised as one `CallsheetError`."""
    made: list[T] = []
    refused: list[CallsheetError] = []
    for step in steps:
        try:
            made.append(step())
        except CallsheetError as error:
            refused.append(error)
    if len(refused) == 1:
        raise refused[0]
    if refused:
        kind = OutOfRange if all(isinstance(each, OutOfRange) for each in refused) else CallsheetError
        raise kind("\n".join(map(str, refused)))
    return made


def did_you_mean(word: str, candidates: Iterable[str], *, before: str = "") -> str:
    """A sentence that offers the nearest of `candidates`, with a leading space, or nothing.

    `before` is what was typed before `word`, and goes before the offer, which can then be copied: a folder, say.

    >>> did_you_mean("bemo", ["bema", "csv_metrics"])
    " Did you mean 'bema'?"
    """
    from difflib import get_close_matches

    near = get_close_matches(word, list(candidates), n=1)
    return f" Did you mean {before + near[0]!r}?" if near else ""


def sentences(*parts: str | None) -> str:
    """What the parts say, with a full stop between them; the last one may end in what is to be copied.

    >>> sentences("HTTP Error 404: Not Found", "Check plugins.ping.url.", None, "See /tmp/log")
    'HTTP Error 404: Not Found. Check plugins.ping.url. See /tmp/log'
    """
    *said, last = [part.strip() for part in parts if part and part.strip()] or [""]
    return " ".join([*(part if part[-1] in ".:!?" else f"{part}." for part in said), last])


def counted(number: int, one: str, many: str = "", form: str = "") -> str:
    """A number with its noun, which has an `s` for all but 1, or is `many`; `form` is how the number is written.

    >>> counted(1, "row"), counted(7000, "row", form=","), counted(2, "process", "processes")
    ('1 row', '7,000 rows', '2 processes')
    """
    return f"{number:{form}} {one if number == 1 else many or f'{one}s'}"


def listed(names: Collection[str]) -> str:
    """The first names, and how many more there are.

    >>> listed(["a.py", "b.py", "c.py", "d.py"])
    'a.py, b.py, c.py and 1 more'
    """
    first = ", ".join([*names][:FEW])
    return f"{first} and {len(names) - FEW:,} more" if len(names) > FEW else first


def first_line(said: object) -> str:
    """The first line of an error or a text, or the name of its type where it says nothing."""
    lines = str(said).strip().splitlines()
    return lines[0] if lines else type(said).__name__
