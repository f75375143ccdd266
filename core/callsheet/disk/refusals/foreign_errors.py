"""The number and the path in an error, also where a library wrote them into its message or lost them."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# "os error" is what Rust says (safetensors 0.8, tokenizers 0.23), "errno" Arrow, "strerror" and "failed with" torch.
NUMBERED = re.compile(r"\(os error (\d+)\)|\[errno (\d+)\]", re.I)
IN_WORDS = re.compile(r"(?:strerror:|fd \d+ failed with) (.+)")
AT = re.compile(r"""at path ["'](.+?)["']|local file '(.+?)'|directory '(.+?)'""")
# What torch says when the disk took less than it was given: it has no number (torch 2.13, inline_container.cc).
CUT_SHORT = re.compile(r"unexpected pos \d+ vs \d+|PytorchStreamWriter failed|iostream error|file write failed")
MEANT = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EFBIG, errno.EIO, errno.ESTALE)
WORDS = {os.strerror(number): number for number in MEANT}


@dataclass(frozen=True)
class Refusal:
    """What the system refused. `path` is None where nobody says it; `number` where a write was only cut short."""

    number: int | None
    path: Path | None


def refusals(error: BaseException) -> Iterator[Refusal]:
    """What the system refused, by `error` and what it was raised from; none for an error of another kind."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        found = of(link)
        if found:
            yield found
        # While one error was handled, another kind may be raised that has nothing to do with it.
        follows = bool(found) or isinstance(link, OSError)
        link = link.__cause__ or (link.__context__ if follows and not link.__suppress_context__ else None)


def of(error: BaseException) -> Refusal | None:
    """What the system refused by this error alone."""
    said = str(error)
    path = _path(error, said)
    if isinstance(error, OSError) and error.errno is not None:
        return Refusal(error.errno, path)
    if isinstance(error, UnicodeError):
        return None
    if found := NUMBERED.search(said):
        return Refusal(int(found[1] or found[2]), path)
    if (found := IN_WORDS.search(said)) and found[1].strip() in WORDS:
        return Refusal(WORDS[found[1].strip()], path)
    return Refusal(None, path) if isinstance(error, RuntimeError) and CUT_SHORT.search(said) else None


def _path(error: BaseException, said: str) -> Path | None:
    name = getattr(error, "filename2", None) or getattr(error, "filename", None)
    if isinstance(name, (str, bytes, os.PathLike)):
        return Path(os.fsdecode(name))
    found = AT.search(said)
    return Path(next(filter(None, found.groups()))) if found else None
